import type { Spec } from 'vega'
import { svgOf } from './charts.ts'
import type { Confusion } from './run-folder.ts'

/** With more classes, numbers would not fit into the cells. */
const mostNumbered = 25

/** A confusion matrix as SVG: a row for each class, coloured by the share of its samples that were taken for each class. */
export function confusionMatrixChart({ classes, counts }: Confusion, title: string): Promise<string> {
  return svgOf(specOf({ classes, counts }, title))
}

function specOf({ classes, counts }: Confusion, title: string): Spec {
  const hasNumbers = classes.length <= mostNumbered
  const cell = hasNumbers ? Math.max(34, Math.min(64, 420 / classes.length)) : 560 / classes.length
  const side = cell * classes.length
  const values = counts.flatMap((row, i) => {
    const all = row.reduce((sum, count) => sum + count, 0)
    return row.map((count, j) => ({ row: i, column: j, count, share: all === 0 ? 0 : count / all }))
  })
  const axis = {
    labelFont: 'sans-serif',
    titleFont: 'sans-serif',
    domain: false,
    ticks: false,
    labelLimit: 140,
  } as const
  const label = { labels: { update: { text: { signal: `${JSON.stringify(classes)}[datum.value]` } } } }
  const domain = classes.map((_, i) => i)
  return {
    width: side,
    height: side,
    padding: 12,
    background: 'white',
    title: { text: title, anchor: 'start', fontSize: 15, offset: 10, font: 'sans-serif' },
    data: [{ name: 'cells', values }],
    scales: [
      { name: 'x', type: 'band', range: 'width', domain },
      { name: 'y', type: 'band', range: 'height', domain },
      { name: 'shade', type: 'linear', range: ['#ffffff', '#0072b2'], domain: [0, 1] },
    ],
    axes: [
      {
        ...axis,
        orient: 'bottom',
        scale: 'x',
        title: 'taken for',
        encode: label,
        labelAngle: classes.length > 4 ? -45 : 0,
        ...(classes.length > 4 && { labelAlign: 'right' as const }),
      },
      { ...axis, orient: 'left', scale: 'y', title: 'is', encode: label },
    ],
    marks: [
      {
        type: 'rect',
        from: { data: 'cells' },
        encode: {
          enter: {
            x: { scale: 'x', field: 'column' },
            y: { scale: 'y', field: 'row' },
            width: { scale: 'x', band: 1 },
            height: { scale: 'y', band: 1 },
            fill: { scale: 'shade', field: 'share' },
            stroke: { value: hasNumbers ? '#dddddd' : 'transparent' },
          },
        },
      },
      {
        type: 'text',
        from: { data: 'cells' },
        encode: {
          enter: {
            x: { scale: 'x', field: 'column', band: 0.5 },
            y: { scale: 'y', field: 'row', band: 0.5 },
            align: { value: 'center' },
            baseline: { value: 'middle' },
            font: { value: 'sans-serif' },
            fontSize: { value: 11 },
            text: { signal: hasNumbers ? "datum.count > 0 ? datum.count : ''" : "''" },
            fill: { signal: "datum.share > 0.5 ? 'white' : 'black'" },
          },
        },
      },
    ],
  }
}
