import { isFloating } from '../core/dtype.ts'
import { formatShape, sizeOf, stridesOf } from '../core/shape.ts'
import type { Tensor } from './tensor.ts'

/* Tensors as PyTorch prints them: columns aligned, four decimals or scientific notation, the middle of large ones left out. */

/** Digits behind the point. */
const precision = 4
/** With more elements than this only the edges are shown. */
const threshold = 1000
/** How many elements at either edge. */
const edgeItems = 3
const lineWidth = 80
const prefix = 'tensor('

/**
 * `tensor([[1., 2.], [3., 4.]], shape=[2, 2], dtype=float32)`, on several lines where it needs them. A value that has not
 * been computed is shown by shape and dtype only, and is not computed for that.
 */
export function formatTensor(x: Tensor): string {
  const suffixes = [`shape=${formatShape(x.shape)}`, `dtype=${x.dtype}`]
  if (x.requiresGrad) suffixes.push('requiresGrad=true')
  return withSuffixes(prefix + (x.isRealized ? formatValues(x) : '<not computed>'), suffixes)
}

/** Appends what stands behind the values, beginning a new line where it would grow too long. */
function withSuffixes(text: string, suffixes: readonly string[]): string {
  let out = text
  let length = text.length - text.lastIndexOf('\n') + 1
  for (const suffix of suffixes) {
    const fits = length + suffix.length + 2 <= lineWidth
    out += fits ? `, ${suffix}` : `,\n${' '.repeat(prefix.length)}${suffix}`
    length = fits ? length + suffix.length + 2 : prefix.length + suffix.length
  }
  return `${out})`
}

function formatValues(x: Tensor): string {
  const { shape } = x
  if (sizeOf(shape) === 0) return '[]'
  const values = x.dataSync()
  const shown = shape.map((extent) => shownIndices(extent, values.length > threshold))
  const strides = stridesOf(shape)
  const visible: number[] = []
  const collect = (d: number, offset: number): void => {
    if (d === shape.length) visible.push(values[offset]!)
    else for (const i of shown[d]!) if (i !== undefined) collect(d + 1, offset + i * strides[d]!)
  }
  collect(0, 0)
  const texts = x.dtype === 'bool' ? visible.map((v) => String(v !== 0)) : numberTexts(visible, isFloating(x.dtype))
  const counts = (v: number): boolean => !isFloating(x.dtype) || (Number.isFinite(v) && v !== 0)
  const width = texts.reduce((most, text, i) => (counts(visible[i]!) ? Math.max(most, text.length) : most), 1)
  let next = 0

  const render = (d: number, indent: number): string => {
    if (d === shape.length) return texts[next++]!.padStart(width)
    const items = shown[d]!.map((i) => (i === undefined ? omission(d) : render(d + 1, indent + 1)))
    const inner = ' '.repeat(indent + 1)
    if (d < shape.length - 1) return `[${items.join(`,${'\n'.repeat(shape.length - 1 - d)}${inner}`)}]`
    const perLine = Math.max(1, Math.floor((lineWidth - indent) / (width + 2)))
    const lines: string[] = []
    for (let i = 0; i < items.length; i += perLine) lines.push(items.slice(i, i + perLine).join(', '))
    return `[${lines.join(`,\n${inner}`)}]`
  }
  const omission = (d: number): string => (d === shape.length - 1 ? ' ...' : '...')
  return render(0, prefix.length)
}

/** Positions along a dimension; undefined stands for those left out. */
function shownIndices(extent: number, summarize: boolean): (number | undefined)[] {
  if (!summarize || extent <= 2 * edgeItems) return [...Array(extent).keys()]
  const edge = [...Array(edgeItems).keys()]
  return [...edge, undefined, ...edge.map((i) => extent - edgeItems + i)]
}

/** Whole numbers get a point when they are floats; scientific notation where four decimals would show too little. */
function numberTexts(values: readonly number[], floating: boolean): string[] {
  if (!floating) return values.map(String)
  const sizes = values.filter((v) => Number.isFinite(v) && v !== 0).map(Math.abs)
  const largest = sizes.reduce((a, b) => Math.max(a, b), 0)
  const smallest = sizes.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const scientific = sizes.length > 0 && (largest / smallest > 1000 || largest > 1e8 || smallest < 1e-4)
  const whole = sizes.every(Number.isInteger)
  return values.map((v) => {
    if (Number.isNaN(v)) return 'nan'
    if (!Number.isFinite(v)) return v > 0 ? 'inf' : '-inf'
    const sign = v < 0 || Object.is(v, -0) ? '-' : ''
    const size = Math.abs(v)
    if (scientific) return sign + exponential(size)
    return sign + (whole ? `${size}.` : fixed(size))
  })
}

/** As `toFixed`, but halves go to the even digit. The digits of 60 decimals are exact where a half is possible. */
function fixed(x: number): string {
  const digits = x.toFixed(60)
  const half = new RegExp(`\\.\\d{${precision - 1}}[02468]50*$`).test(digits)
  return half ? digits.slice(0, digits.indexOf('.') + 1 + precision) : x.toFixed(precision)
}

/** As `toExponential`, but halves go to the even digit and the exponent has two digits or more. */
function exponential(x: number): string {
  const exact = x.toExponential(60)
  const half = new RegExp(`\\.\\d{${precision - 1}}[02468]50*e`).test(exact)
  const [digits, exponent] = (half ? exact : x.toExponential(precision)).split('e') as [string, string]
  return `${digits.slice(0, 2 + precision)}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`
}
