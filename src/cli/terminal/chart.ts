import plot from 'simple-ascii-chart'
import type { Screen } from './screen.ts'

/** A line of dots through points, as wide as the screen and a dozen lines high. */
export function lineChart(
  points: readonly { readonly x: number; readonly y: number }[],
  { columns }: Pick<Screen, 'columns'>,
): string[] {
  const finite = points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))
  if (finite.length < 2) return []
  const width = Math.max(20, Math.min(72, columns - 14))
  const chart = plot(
    finite.map(({ x, y }) => [x, y] as [number, number]),
    { width, height: 10, hideXAxis: true, formatter: (value: number) => String(Number(value.toPrecision(3))) },
  )
  return String(chart)
    .split('\n')
    .map((line) => `  ${line.trimEnd()}`)
    .filter((line) => line.trim() !== '')
}
