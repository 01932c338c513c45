/** `gradus finetune` from a hub on this machine to a model that others can load. */
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { decodeImage } from '../../src/data/image.ts'
import { Random } from '../../src/data/random.ts'
import { imagenetDeviation, imagenetMean, normalize } from '../../src/data/transforms/colour.ts'
import { centerCrop } from '../../src/data/transforms/crop.ts'
import { compose } from '../../src/data/transforms/picture.ts'
import { loadOnnx } from '../../src/io/onnx/onnx.ts'
import { loadTokenizer } from '../../src/io/tokenizer.ts'
import { loadTensors } from '../../src/io/weights.ts'
import { MobileNetV3 } from '../../src/models/mobilenet.ts'
import { fromPretrained } from '../../src/models/pretrained.ts'
import { saveModel } from '../../src/models/saved.ts'
import { manualSeed } from '../../src/tensor/random.ts'
import { publishBert, publishGpt2, publishLlama, publishResnet18 } from '../hub/repositories.ts'
import { type HubServer, hubServer } from '../hub/server.ts'
import { type Answer, answerOf, gradusHere } from './command.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const words = ['a', 'the', 'fine', 'warm', 'witty', 'dull', 'cold', 'empty', 'film', 'story', 'play', 'is', 'very']
let folder = ''
let server: HubServer

beforeAll(async () => {
  manualSeed(0)
  folder = await mkdtemp(join(tmpdir(), 'gradus-finetune-'))
  server = await hubServer()
  vi.stubEnv('HF_ENDPOINT', server.url)
  vi.stubEnv('HF_HUB_CACHE', join(folder, 'cache'))
  vi.stubEnv('HF_TOKEN', '')
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await server.close()
  await rm(folder, { recursive: true })
})

/** The one object on standard output of a training. */
const answer = (...args: readonly string[]): Promise<Answer & { test: { accuracy: number } }> =>
  answerOf(...args) as never

/** Praise and blame, each in four kinds of sentences. */
function reviews(): string {
  const kinds = { praise: ['fine', 'warm', 'witty'], blame: ['dull', 'cold', 'empty'] }
  const rows = Object.entries(kinds).flatMap(([label, adjectives]) =>
    ['film', 'story', 'play'].flatMap((noun) =>
      adjectives.flatMap((adjective) => [
        `a ${adjective} ${noun},${label}`,
        `"the ${noun}, is very ${adjective}",${label}`,
        `${adjective} is the ${noun},${label}`,
        `the ${noun} is a very very very very very very ${adjective} ${noun},${label}`,
      ]),
    ),
  )
  return ['text,label', ...rows].join('\n')
}

test('gradus finetune text: trains, tests, predicts, exports and goes on from what it exported', async () => {
  await publishBert(server, 'google-bert/bert-base-uncased', words, {
    ...{ vocab_size: 64, hidden_size: 32, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 64 },
    max_position_embeddings: 24,
  })
  const table = join(folder, 'reviews.csv')
  await writeFile(table, reviews())
  const trainedIn = join(folder, 'text')
  const quick = ['--epochs', '12', '--batch-size', '8', '--lr', '3e-3', '--head-lr', '3e-3']
  const from = ['--from', 'google-bert/bert-base-uncased']
  const trained = await answer('finetune', 'text', table, ...from, ...quick, '--run', trainedIn)
  expect(trained.test.accuracy).toBeGreaterThan(0.9)
  expect(server.seen.filter(({ path }) => path.endsWith('.safetensors')).length).toBeGreaterThan(2)
  const out = join(folder, 'exported')
  const tested = await answer('eval', trainedIn)
  expect(tested['accuracy']).toBe(trained.test.accuracy)
  // Neither data nor hub are needed any more.
  await rename(table, `${table}.elsewhere`)
  await rm(join(folder, 'cache'), { recursive: true })
  const asked = server.seen.length
  const guess = await answer('predict', trainedIn, 'A WITTY story')
  const exported = await answer('export', trainedIn, '--onnx', '--out', out)
  expect(server.seen.length).toBe(asked)
  await rename(`${table}.elsewhere`, table)
  expect(guess['prediction']).toBe('praise')
  expect(exported['files']).toEqual([
    'config.json',
    'model.safetensors',
    'tokenizer_config.json',
    'vocab.txt',
    'model.onnx',
  ])

  // On other data, such as the very rows that it has learned; a label that it cannot know is named.
  const others = join(folder, 'others.csv')
  await writeFile(others, 'text,label\na witty film,praise\nthe play is cold,blame\na dull story,praise')
  const elsewhere = await gradusHere('eval', trainedIn, others)
  expect(elsewhere.stdout).toContain('Test accuracy 66.67 %')
  await writeFile(others, 'text,label\na witty film,joy')
  const strange = await gradusHere('eval', trainedIn, others)
  expect([strange.code, strange.stderr]).toEqual([
    2,
    `gradus: ${others}: label 'joy' is none of the run's: blame, praise\n`,
  ])

  // Anybody can load it: the labels are in its configuration, the logits are those of the run.
  const { model, config, missing, unexpected } = await fromPretrained(out)
  expect([missing, unexpected, config['id2label']]).toEqual([[], [], { 0: 'blame', 1: 'praise' }])
  expect(config['architectures']).toEqual(['BertForSequenceClassification'])
  const { inputIds, ...inputs } = (await loadTokenizer(out)).batch(['A WITTY story'])
  const shares = await model.forward(inputIds, inputs).softmax(1).data()
  const said = guess['probabilities'] as { blame: number; praise: number }
  expect(Math.abs(shares[1]! - said.praise)).toBeLessThan(1e-6)
  const graph = await loadOnnx(join(out, 'model.onnx'))
  expect(graph.inputNames).toEqual(['input_ids', 'attention_mask', 'token_type_ids'])
  const filled = (await loadTokenizer(out)).batch(['A WITTY story'], { padding: 'maxLength' })
  const again = await graph.forward(filled.inputIds, filled.attentionMask, filled.tokenTypeIds).softmax(1).data()
  expect(Math.abs(again[1]! - said.praise)).toBeLessThan(1e-5)

  // From a folder, with adapters: only they and the head learn.
  const lora = join(folder, 'lora')
  const adapted = await gradusHere(
    'finetune',
    'text',
    table,
    '--from',
    out,
    '--lora',
    '2',
    '--epochs',
    '1',
    '--run',
    lora,
  )
  expect(adapted.code, adapted.stderr).toBe(0)
  expect(adapted.stdout).toContain(`1,986 weights of 21,154 are trained, from ${out}`)
  const merged = await answer('export', lora, '--out', join(folder, 'merged'))
  expect(merged['folder']).toBe(join(folder, 'merged'))
  const [tuned, plain] = await Promise.all(
    ['merged', 'exported'].map(async (name) => (await fromPretrained(join(folder, name))).model),
  )
  const path = 'bert.encoder.layer.0.attention.self.query.weight'
  expect(await tuned!.getParameter(path).sub(plain!.getParameter(path)).abs().max().item()).toBeGreaterThan(0)
  const words0 = 'bert.embeddings.word_embeddings.weight'
  expect(await tuned!.getParameter(words0).sub(plain!.getParameter(words0)).abs().max().item()).toBe(0)

  const probe = await answer('finetune', 'text', table, '--from', out, '--linear-probe', '--run', join(folder, 'probe'))
  expect(probe.test.accuracy).toBeGreaterThan(0.9)
  expect(JSON.parse(await readFile(join(folder, 'probe', 'config.json'), 'utf8')).parameters).toBe(21_154)
  expect((await answer('predict', join(folder, 'probe'), 'A WITTY story'))['prediction']).toBe('praise')
  expect((await answer('eval', join(folder, 'probe')))['accuracy']).toBe(probe.test.accuracy)
})

const llama = { hidden_size: 32, intermediate_size: 64, num_hidden_layers: 1, num_attention_heads: 2 }

test.each([
  ['gpt2', publishGpt2, { n_embd: 32, n_layer: 1, n_head: 2, n_positions: 64 }],
  ['llama', publishLlama, { ...llama, num_key_value_heads: 1, max_position_embeddings: 64 }],
] as const)(
  'gradus finetune text: %s, which has no padding, reads the class from the last token',
  async (name, publish, sizes) => {
    await publish(server, `gradus/${name}`, sizes)
    const table = join(folder, `${name}.csv`)
    await writeFile(table, reviews())
    const [trainedIn, out] = [join(folder, name), join(folder, `${name}-exported`)]
    const quick = ['--epochs', '25', '--batch-size', '8', '--lr', '5e-3', '--head-lr', '5e-3', '--max-length', '80']
    const trained = await answer('finetune', 'text', table, '--from', `gradus/${name}`, ...quick, '--run', trainedIn)
    expect(trained.test.accuracy).toBeGreaterThan(0.9)
    const texts = ['a witty story', 'the play is dull']
    const guesses: Answer[] = []
    for (const text of texts) guesses.push(await answer('predict', trainedIn, text))
    expect(guesses.map((guess) => guess['prediction'])).toEqual(['praise', 'blame'])

    // The exported model takes both at once: the padding has a token and plays no part.
    await answer('export', trainedIn, '--onnx', '--out', out)
    const { model } = await fromPretrained(out)
    const tokenizer = await loadTokenizer(out)
    expect(JSON.parse(await readFile(join(out, 'tokenizer_config.json'), 'utf8')).pad_token).toMatch(/end/)
    const { inputIds, attentionMask } = tokenizer.batch(texts)
    const shares = (await model.forward(inputIds, { attentionMask }).softmax(1).toArray()) as number[][]
    const graph = await loadOnnx(join(out, 'model.onnx'))
    expect(graph.inputNames).toEqual(['input_ids', 'attention_mask'])
    const filled = tokenizer.batch(texts, { padding: 'maxLength', maxLength: 64 })
    const again = (await graph.forward(filled.inputIds, filled.attentionMask).softmax(1).toArray()) as number[][]
    for (const [i, { probabilities }] of guesses.entries()) {
      const { praise } = probabilities as { praise: number }
      expect(Math.abs(shares[i]![1]! - praise)).toBeLessThan(1e-6)
      expect(Math.abs(again[i]![1]! - praise)).toBeLessThan(1e-5)
    }
  },
)

test('gradus finetune image: a ResNet-18 learns new classes', async () => {
  await publishResnet18(server, 'timm/resnet18.a1_in1k', 32)
  const photos = join(folder, 'photos')
  for (const [name, colour] of [
    ['leaf', '#2a2'],
    ['sky', '#38f'],
  ] as const) {
    await mkdir(join(photos, name), { recursive: true })
    for (let i = 0; i < 12; i++) {
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="48" height="40"><rect width="48" height="40" fill="${colour}"/><circle cx="${10 + 2 * i}" cy="20" r="8" fill="#888"/></svg>`
      await sharp(Buffer.from(svg))
        .png()
        .toFile(join(photos, name, `${i}.png`))
    }
  }
  const trainedIn = join(folder, 'image')
  const from = ['--from', 'timm/resnet18.a1_in1k', '--workers', '0', '--batch-size', '8']
  const trained = await answer('finetune', 'image', photos, ...from, '--epochs', '1', '--run', trainedIn)
  expect(Object.keys(trained.test)).toEqual(['loss', 'accuracy'])
  const guess = await answer('predict', trainedIn, join(photos, 'sky', '3.png'))
  // The classes of other pictures go by their names: here there are none of the first.
  const likeliest = guess['prediction'] as string
  const others = join(folder, 'others')
  await mkdir(join(others, 'sky'), { recursive: true })
  await copyFile(join(photos, 'sky', '3.png'), join(others, 'sky', 'same.png'))
  expect((await answer('eval', trainedIn, others))['accuracy']).toBe(likeliest === 'sky' ? 1 : 0)
  await mkdir(join(others, 'sea'))
  await copyFile(join(photos, 'sky', '3.png'), join(others, 'sea', 'same.png'))
  const strange = await gradusHere('eval', trainedIn, others)
  expect(strange.stderr).toBe(`gradus: ${others}: class 'sea' is none of the run's: leaf, sky\n`)
  await rename(photos, `${photos}.elsewhere`)
  const exported = await answer('export', trainedIn, '--onnx')
  await rename(`${photos}.elsewhere`, photos)
  const { model, config } = await fromPretrained(exported['folder'] as string)
  expect([config['num_classes'], config['label_names']]).toEqual([2, ['leaf', 'sky']])
  const picture = await decodeImage(join(photos, 'sky', '3.png'), { shorterSide: 33, interpolation: 'bicubic' })
  const look = compose(centerCrop(32), normalize(imagenetMean, imagenetDeviation))
  const shares = await model
    .forward(look(picture, new Random(0)).unsqueeze(0))
    .softmax(1)
    .data()
  const said = guess['probabilities'] as { leaf: number; sky: number }
  expect(exported['files']).toContain('model.onnx')
  expect(Math.abs(shares[0]! - said.leaf) + Math.abs(shares[1]! - said.sky)).toBeLessThan(1e-6)

  const quick = ['--epochs', '20', '--head-lr', '0.03']
  const probe = await gradusHere(
    'finetune',
    'image',
    photos,
    ...from,
    '--linear-probe',
    ...quick,
    '--run',
    join(folder, 'head'),
  )
  expect(probe.stdout).toContain('1,026 weights of 11,177,538 are trained, from timm/resnet18.a1_in1k')
  expect(probe.stdout).toContain('Test accuracy 100.00 %')
})

test('gradus finetune image: a MobileNetV3 of timm, whose head is its last layer alone', async () => {
  const source = join(folder, 'mobilenet')
  const config = { architecture: 'mobilenetv3_small_050', num_classes: 4, pretrained_cfg: { input_size: [3, 32, 32] } }
  await saveModel(source, new MobileNetV3('small', { numClasses: 4, widthMult: 0.5, norm: { eps: 1e-5 } }), { config })
  const trainedIn = join(folder, 'mobile')
  const from = ['--from', source, '--workers', '0', '--batch-size', '8', '--epochs', '1', '--freeze', 'body']
  const trained = await gradusHere('finetune', 'image', join(folder, 'photos'), ...from, '--run', trainedIn)
  expect(trained.stdout, trained.stderr).toContain('2,050 weights of 570,274 are trained')
  const exported = await answer('export', trainedIn)
  const tensors = await loadTensors(join(exported['folder'] as string, 'model.safetensors'))
  expect(tensors.get('conv_head.weight')!.shape).toEqual([1024, 288, 1, 1])
  expect(tensors.get('classifier.weight')!.shape).toEqual([2, 1024])
})

test.each<[string[], string]>([
  [
    ['text', 'reviews.csv', '--label-column', 'stars', '--from', 'nowhere'],
    "has no column 'stars'; it has text, label",
  ],
  [
    ['text', 'reviews.csv', '--from', './nowhere'],
    './nowhere: no such file or folder, and not the name of a repository',
  ],
  [
    ['text', 'reviews.csv', '--from', 'timm/resnet18.a1_in1k'],
    'is a model for images; gradus finetune image trains it',
  ],
  [['image', 'photos', '--from', 'google-bert/bert-base-uncased'], 'is a model for text (bert)'],
  [['image', 'photos'], "required option '--from <text>' not specified"],
  [['text', 'reviews.csv', '--from', 'exported', '--freeze', 'body,classifier'], '--freeze leaves nothing to train'],
])('gradus finetune %j is refused', async ([kind, data, ...rest], message) => {
  const args = rest.map((word) => (word === 'exported' ? join(folder, word) : word))
  const { code, stderr } = await gradusHere('finetune', kind!, join(folder, data!), ...args)
  expect(stderr).toMatch(/^gradus: [^\n]+\n$/)
  expect(stderr).toContain(message)
  expect(code).toBe(2)
})
