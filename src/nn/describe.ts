/** Settings as a module's text shows them: `kernelSize=[5, 5], bias=false`; what is undefined is left out. */
export function describe(settings: Readonly<Record<string, unknown>>): string {
  return Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${text(value)}`)
    .join(', ')
}

function text(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(text).join(', ')}]` : String(value)
}
