import type { Screen } from './screen.ts'

const side = 28
/** MNIST fits the ink of every digit into a box of 20 by 20 pixels. */
const box = 20

/** A drawn digit with a line below it. */
export interface Picture {
  /** 28 × 28 numbers, row by row, from 0 (paper) to 1 (ink). */
  readonly pixels: ArrayLike<number>
  readonly caption: string
  /** How the caption is coloured. */
  readonly tone: 'good' | 'bad' | 'plain'
}

/** How many pictures stand side by side on a screen. */
export function picturesPerRow({ columns }: Pick<Screen, 'columns'>): number {
  return Math.max(1, Math.min(6, Math.floor((columns - indent) / (box + gap))))
}

const indent = 2
const gap = 3

/** Pictures side by side: lines of text, two rows of pixels in each. */
export function drawDigits(pictures: readonly Picture[], { colors }: Screen): string[] {
  const blocks = pictures.map(({ pixels, caption, tone }) => {
    const text = centre(caption, box)
    const coloured = tone === 'good' ? colors.green(text) : tone === 'bad' ? colors.red(text) : text
    return [...drawDigit(pixels, colors.isColorSupported), coloured]
  })
  return Array.from({ length: box / 2 + 1 }, (_, line) =>
    (' '.repeat(indent) + blocks.map((block) => block[line]).join(' '.repeat(gap))).trimEnd(),
  )
}

/** Ten lines of twenty characters: half blocks where there is more ink than paper. */
function drawDigit(pixels: ArrayLike<number>, inGrey: boolean): string[] {
  const [top, left] = inkCorner(pixels)
  const at = (y: number, x: number): number =>
    y < side && x < side && y >= 0 && x >= 0 ? (pixels[y * side + x] ?? 0) : 0
  return Array.from({ length: box / 2 }, (_, line) => {
    const cells = Array.from({ length: box }, (_, x) => {
      const [upper, lower] = [at(top + 2 * line, left + x), at(top + 2 * line + 1, left + x)]
      return inGrey ? greyCell(upper, lower) : inkCell(upper, lower)
    })
    return cells.join('') + (inGrey ? '\u001b[0m' : '')
  })
}

/** The same block, its two colours out of the 24 greys of terminals: shapes survive where colours are lost. */
function greyCell(upper: number, lower: number): string {
  const block = inkCell(upper, lower)
  const both = (upper + lower) / 2
  const [ink, paper] = block === '▀' ? [upper, lower] : block === '▄' ? [lower, upper] : [both, both]
  return `\u001b[38;5;${grey(ink)};48;5;${grey(paper)}m${block}`
}

/** From black, 232, to white, 255. */
function grey(ink: number): number {
  return 232 + Math.round(23 * Math.min(1, Math.max(0, ink)))
}

function inkCell(upper: number, lower: number): string {
  if (upper > 0.5) return lower > 0.5 ? '█' : '▀'
  return lower > 0.5 ? '▄' : ' '
}

/** Where the window of {@link box} pixels begins that has the ink in its middle. */
function inkCorner(pixels: ArrayLike<number>): [top: number, left: number] {
  let [top, bottom, left, right] = [side, -1, side, -1]
  for (let i = 0; i < side * side; i++) {
    if ((pixels[i] ?? 0) < 0.1) continue
    const [y, x] = [Math.floor(i / side), i % side]
    top = Math.min(top, y)
    bottom = Math.max(bottom, y)
    left = Math.min(left, x)
    right = Math.max(right, x)
  }
  const corner = (first: number, last: number): number => Math.ceil((first + last + 1 - box) / 2)
  return [corner(top, bottom), corner(left, right)]
}

function centre(text: string, width: number): string {
  return text.padStart(Math.floor((width + text.length) / 2)).padEnd(width)
}
