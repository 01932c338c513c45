/** `runningMean` as `running_mean`: how PyTorch's own modules call it in state dicts. */
export function snakeCase(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
