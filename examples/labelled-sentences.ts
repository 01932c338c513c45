/** Sentences with their labels, one a line: `1 a fine film`, with a space, comma or tab between. */
import { readText } from 'gradus/data'

export interface LabelledSentence {
  readonly label: number
  readonly text: string
}

/** Lines without a label are left out. */
export async function readSentences(file: string): Promise<LabelledSentence[]> {
  const lines = (await readText(file)).split('\n')
  return lines.flatMap((line) => {
    const [, label, text = ''] = /^"?(\d+)"?[\s,]+"?(.*?)"?$/.exec(line.trim()) ?? []
    return label === undefined ? [] : [{ label: Number(label), text }]
  })
}
