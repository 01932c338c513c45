import { attention } from './attention.ts'
import { convolution } from './convolution.ts'
import { matmul } from './matmul.ts'
import { rows } from './rows.ts'
import { train } from './train.ts'
import type { Kind, Work } from './work.ts'

const kinds: { readonly [K in Work['kind']]: Kind<Extract<Work, { kind: K }>> } = {
  ...{ matmul, train, rows, convolution, attention },
}

/** How this kind of work is done. */
export function kindOf<W extends Work>(work: W): Kind<W> {
  return kinds[work.kind] as unknown as Kind<W>
}
