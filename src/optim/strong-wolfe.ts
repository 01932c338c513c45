import type { Tensor } from '../tensor/tensor.ts'

/** Loss and flat gradient at some point. */
export interface Evaluation {
  readonly loss: number
  readonly gradient: Tensor
}

/** A point on the search line: how far, the loss, the gradient, and its slope along the direction. */
interface Point extends Evaluation {
  readonly t: number
  readonly slope: number
}

export interface SearchResult extends Evaluation {
  readonly t: number
  readonly evaluations: number
}

export interface SearchOptions {
  /** Smallest change of position that is worth looking at. */
  readonly toleranceChange: number
  /** Most evaluations. */
  readonly maxEvaluations: number
}

/** Sufficient decrease and curvature of the Wolfe conditions. */
const c1 = 1e-4
const c2 = 0.9

/** Where the cubic through two points with their slopes has its minimum, within `low` to `high`. */
function cubicMinimum(a: Point, b: Point, low: number = Math.min(a.t, b.t), high: number = Math.max(a.t, b.t)): number {
  const d1 = a.slope + b.slope - (3 * (a.loss - b.loss)) / (a.t - b.t)
  const square = d1 * d1 - a.slope * b.slope
  if (!(square >= 0)) return (low + high) / 2
  const d2 = Math.sqrt(square)
  const [left, right] = a.t <= b.t ? [a, b] : [b, a]
  const at = right.t - (right.t - left.t) * ((right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2))
  return Math.min(Math.max(at, low), high)
}

/**
 * Line search for the strong Wolfe conditions f(t) ≤ f(0) + c₁·t·f′(0) and |f′(t)| ≤ c₂·|f′(0)| (Nocedal & Wright,
 * "Numerical optimization", 2006, algorithms 3.5 and 3.6, with cubic interpolation).
 *
 * @param evaluate loss, gradient and slope at a distance along the direction
 * @param size largest absolute element of the direction
 */
export async function strongWolfe(
  evaluate: (t: number) => Promise<Evaluation & { slope: number }>,
  start: Evaluation & { slope: number },
  first: number,
  size: number,
  { toleranceChange, maxEvaluations }: SearchOptions,
): Promise<SearchResult> {
  const origin: Point = { ...start, t: 0 }
  const at = async (t: number): Promise<Point> => ({ ...(await evaluate(t)), t })
  const tooHigh = ({ t, loss }: Point): boolean => loss > origin.loss + c1 * t * origin.slope
  const flat = ({ slope }: Point): boolean => Math.abs(slope) <= -c2 * origin.slope

  // Go outwards until the minimum lies between two points.
  let previous = origin
  let point = await at(first)
  let evaluations = 1
  let iterations = 0
  let bracket: [Point, Point] | undefined
  let done = false
  while (iterations < maxEvaluations) {
    if (tooHigh(point) || (iterations > 1 && point.loss >= previous.loss)) {
      bracket = [previous, point]
      break
    }
    if (flat(point)) {
      bracket = [point, point]
      done = true
      break
    }
    if (point.slope >= 0) {
      bracket = [previous, point]
      break
    }
    const [low, high] = [point.t + 0.01 * (point.t - previous.t), point.t * 10]
    const next = cubicMinimum(previous, point, low, high)
    previous = point
    point = await at(next)
    evaluations++
    iterations++
  }
  let [low, high] = ordered(bracket ?? [origin, point])

  // Narrow the bracket; `low` is the best point so far.
  let insufficient = false
  while (!done && iterations < maxEvaluations) {
    const [left, right] = [Math.min(low.t, high.t), Math.max(low.t, high.t)]
    if ((right - left) * size < toleranceChange) break
    let t = cubicMinimum(low, high)
    const margin = 0.1 * (right - left)
    if (Math.min(right - t, t - left) < margin) {
      if (insufficient || t >= right || t <= left) {
        t = Math.abs(t - right) < Math.abs(t - left) ? right - margin : left + margin
        insufficient = false
      } else insufficient = true
    } else insufficient = false

    point = await at(t)
    evaluations++
    iterations++
    if (tooHigh(point) || point.loss >= low.loss) {
      ;[low, high] = ordered([low, point])
    } else {
      if (flat(point)) done = true
      else if (point.slope * (high.t - low.t) >= 0) high = low
      low = point
    }
  }
  return { loss: low.loss, gradient: low.gradient, t: low.t, evaluations }
}

/** The better point first. */
function ordered([a, b]: [Point, Point]): [Point, Point] {
  return a.loss <= b.loss ? [a, b] : [b, a]
}
