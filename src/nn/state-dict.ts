import { StateDictError } from '../core/errors.ts'
import { formatShape, sameShape } from '../core/shape.ts'
import { Tensor } from '../tensor/tensor.ts'

/** Tensors by the path of the property that holds them, such as `layer1.0.conv1.weight`. */
export type StateDict = Record<string, Tensor>

export interface LoadOptions {
  /** Whether missing and unexpected entries are an error. Misshaped ones always are. Default true. */
  readonly strict?: boolean
}

/** What a load with `{ strict: false }` left alone. */
export interface LoadReport {
  /** Entries of the module that the dict does not have; they keep their values. */
  readonly missing: readonly string[]
  /** Entries of the dict that the module does not have. */
  readonly unexpected: readonly string[]
}

/** Looking for close names stops after this many unexpected ones: a wrong file has thousands. */
const suggestions = 20

/** Files of PyTorch before 0.4.1 have no such count; as there, it then stays as it is. */
const countOfBatches = /(^|\.)num_batches_tracked$/

/**
 * Assigns the tensors of `source` to those of the same name in `target`, converted to their dtype. When anything does not
 * fit, nothing is assigned, and one {@link StateDictError} names everything that is missing, unexpected or misshaped.
 */
export function loadInto(
  owner: string,
  target: ReadonlyMap<string, Tensor>,
  source: Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor>,
  { strict = true }: LoadOptions = {},
): LoadReport {
  const given = source instanceof Map ? (source as ReadonlyMap<string, Tensor>) : new Map(Object.entries(source))
  const missing = [...target.keys()].filter((name) => !given.has(name) && !countOfBatches.test(name))
  const unexpected = [...given.keys()].filter((name) => !target.has(name))
  const problems: string[] = []
  if (strict && missing.length > 0) {
    problems.push(`missing ${missing.map((name) => `'${name}' ${formatShape(target.get(name)!.shape)}`).join(', ')}`)
  }
  if (strict && unexpected.length > 0) {
    const candidates = missing.length > 0 ? missing : [...target.keys()]
    const named = unexpected.map((name, i) => {
      const close = i < suggestions ? closestName(name, candidates) : undefined
      return close === undefined ? `'${name}'` : `'${name}' (did you mean '${close}'?)`
    })
    problems.push(`unexpected ${named.join(', ')}`)
  }
  const misfits = [...target].flatMap(([name, { shape }]) => {
    const value = given.get(name)
    if (value === undefined || (value instanceof Tensor && sameShape(value.shape, shape))) return []
    const received = value instanceof Tensor ? formatShape(value.shape) : typeof value
    return [`'${name}' expects ${formatShape(shape)}, received ${received}`]
  })
  if (misfits.length > 0) problems.push(`misshaped ${misfits.join(', ')}`)
  if (problems.length > 0) {
    const onlyNames = misfits.length === 0
    const wayOut = onlyNames ? '; pass { strict: false } to load what both have' : ''
    throw new StateDictError('loadStateDict', `the entries do not fit ${owner}: ${problems.join('; ')}${wayOut}`)
  }
  for (const [name, leaf] of target) {
    const value = given.get(name)
    if (value) leaf.assign(value)
  }
  return { missing, unexpected }
}

/**
 * The name that `name` was probably meant to be: the same path under another prefix, or else the one with the fewest
 * edits, at most a third of its length. Undefined where nothing is close.
 */
export function closestName(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let fewest = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of candidates) {
    if (candidate.endsWith(`.${name}`) || name.endsWith(`.${candidate}`)) return candidate
    if (Math.abs(candidate.length - name.length) >= fewest) continue
    const edits = editDistance(name, candidate)
    if (edits < fewest) {
      fewest = edits
      best = candidate
    }
  }
  return best
}

/** Insertions, deletions and replacements that turn `a` into `b` (Levenshtein 1966). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
