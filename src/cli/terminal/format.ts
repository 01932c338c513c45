/** `12,345` */
export function count(n: number): string {
  return n.toLocaleString('en-US')
}

/** `98.2 %` */
export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`
}

/** `0:07`, `2:45`, `1:02:03` */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-:--'
  const total = Math.max(0, Math.round(seconds))
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60]
  const pad = (n: number): string => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`
}
