import type { Spec } from 'vega'
import { importPackage } from '../data/packages.ts'

/** Lines over epochs. */
export interface Chart {
  /** Of the file. */
  readonly name: string
  readonly title: string
  readonly points: readonly { readonly x: number; readonly y: number; readonly line: string }[]
}

/** Okabe & Ito's colours, which people with any kind of colour vision tell apart. */
const palette = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#999999', '#000000']

/** Lines as SVG. */
export function curves(chart: Chart): Promise<string> {
  return svgOf(specOf(chart))
}

/** A picture as SVG, drawn by the npm package `vega`. */
export async function svgOf(spec: Spec): Promise<string> {
  const vega = await importPackage<typeof import('vega')>('plot', 'charts are drawn by', 'vega')
  const view = new vega.View(vega.parse(spec), { renderer: 'none' })
  return view.toSVG()
}

function specOf({ title, points }: Chart): Spec {
  const isSingle = new Set(points.map(({ x }) => x)).size < 2
  return {
    width: 520,
    height: 300,
    padding: 12,
    background: 'white',
    title: { text: title, anchor: 'start', fontSize: 15, offset: 10, font: 'sans-serif' },
    data: [{ name: 'points', values: points.filter(({ y }) => Number.isFinite(y)) }],
    scales: [
      { name: 'x', type: 'linear', range: 'width', zero: false, nice: false, domain: { data: 'points', field: 'x' } },
      { name: 'y', type: 'linear', range: 'height', zero: false, nice: true, domain: { data: 'points', field: 'y' } },
      { name: 'colour', type: 'ordinal', range: palette, domain: { data: 'points', field: 'line', sort: false } },
    ],
    axes: [
      {
        orient: 'bottom',
        scale: 'x',
        title: 'epoch',
        tickMinStep: 1,
        format: 'd',
        labelFont: 'sans-serif',
        titleFont: 'sans-serif',
      },
      { orient: 'left', scale: 'y', grid: true, gridColor: '#e6e6e6', labelFont: 'sans-serif' },
    ],
    legends: [
      {
        fill: 'colour',
        orient: 'bottom',
        direction: 'horizontal',
        columns: 2,
        labelFont: 'sans-serif',
        labelLimit: 300,
        symbolType: 'circle',
      },
    ],
    marks: [
      {
        type: 'group',
        from: { facet: { name: 'lines', data: 'points', groupby: 'line' } },
        marks: [
          {
            type: isSingle ? 'symbol' : 'line',
            from: { data: 'lines' },
            encode: {
              enter: {
                x: { scale: 'x', field: 'x' },
                y: { scale: 'y', field: 'y' },
                stroke: { scale: 'colour', field: 'line' },
                fill: isSingle ? { scale: 'colour', field: 'line' } : { value: 'transparent' },
                strokeWidth: { value: 2 },
              },
            },
          },
        ],
      },
    ],
  }
}
