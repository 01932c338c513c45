/**
 * A voice detector with real weights: convolutions over windows of a recording, then an LSTM cell (snakers4/silero-vad), held to the
 * probabilities of ONNX Runtime.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { F, nn, noGrad, realize, setDevice, type Tensor, tensor, zeros } from '../../src/index.ts'
import { type GraphModel, loadOnnx, loadStateDict } from '../../src/io/index.ts'
import { device } from '../../src/runtime/device.ts'
import { dataFile } from './data.ts'

const published = fileURLToPath(
  new URL('../weights/node_modules/@ricky0123/vad-web/dist/silero_vad_v6.onnx', import.meta.url),
)
const names = ['test.wav', 'reference-probabilities.json', 'silero_vad_16k.safetensors']
const files = names.map((name) => dataFile(`silero/${name}`))
const lacking = existsSync(published) ? names.find((_, i) => !files[i]) : 'npm ci --prefix test/weights'

/** Samples of a window at 16 kHz, and those before it that are looked at again. */
const [window, context] = [512, 64]

class Detector extends nn.Module {
  readonly stftConv: nn.Conv1d = new nn.Conv1d(1, 258, 256, { stride: 128, bias: false })
  readonly conv1: nn.Conv1d = new nn.Conv1d(129, 128, 3, { padding: 1 })
  readonly conv2: nn.Conv1d = new nn.Conv1d(128, 64, 3, { padding: 1, stride: 2 })
  readonly conv3: nn.Conv1d = new nn.Conv1d(64, 64, 3, { padding: 1, stride: 2 })
  readonly conv4: nn.Conv1d = new nn.Conv1d(64, 128, 3, { padding: 1 })
  readonly lstmCell: nn.LSTMCell = new nn.LSTMCell(128, 128)
  readonly finalConv: nn.Conv1d = new nn.Conv1d(128, 1, 1)

  protected override stateName(property: string): string {
    return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  }

  /** Samples [1, 64 + 512] and the states h and c [1, 128] → the probability of a voice [1, 1, 1] and the next states. */
  forward(samples: Tensor, [h, c]: readonly Tensor[]): Tensor[] {
    const spectrum = this.stftConv.forward(F.pad(samples.unsqueeze(1), [0, 64], { mode: 'reflect' }))
    const [real, imaginary] = spectrum.chunk(2, 1) as [Tensor, Tensor]
    let x = real.square().add(imaginary.square()).sqrt()
    for (const conv of [this.conv1, this.conv2, this.conv3, this.conv4]) x = F.relu(conv.forward(x))
    const next = this.lstmCell.forward(x.squeeze(-1), [h!, c!])
    return [this.finalConv.forward(F.relu(next[0]).unsqueeze(-1)).sigmoid(), ...next]
  }
}

/** The detector with the weights that the file has for 16 kHz; those for 8 kHz lie in the other branch of its `If`. */
function detectorOf(model: GraphModel): Detector {
  const detector = new Detector()
  const weights = Object.keys(detector.stateDict()).map((name) => {
    const there = name
      .replace('stft_conv.weight', 'stft.forward_basis_buffer')
      .replace(/^conv(\d)/, (_, i) => `encoder.${Number(i) - 1}.reparam_conv`)
      .replace('lstm_cell', 'decoder.rnn')
      .replace('final_conv', 'decoder.decoder.2')
    return [name, model.getBuffer(`If_0_then_branch__Inline_0__${there}`)] as const
  })
  detector.loadStateDict(new Map(weights))
  return detector
}

/** The first windows of the recording, each with the samples before it [1, 64 + 512]. */
function heard(count: number): Tensor[] {
  const wave = readFileSync(files[0]!).subarray(44)
  const samples = Float32Array.from({ length: context + count * window }, (_, i) =>
    i < context ? 0 : wave.readInt16LE(2 * (i - context)) / 32768,
  )
  return Array.from({ length: count }, (_, i) =>
    tensor(samples.slice(i * window, (i + 1) * window + context), { shape: [1, context + window] }),
  )
}

/** What `step` says of one window after the other: from samples and states to a probability and the next states. */
async function listen(
  count: number,
  start: readonly Tensor[],
  step: (samples: Tensor, states: readonly Tensor[]) => Tensor[],
): Promise<number[]> {
  const found: number[] = []
  let states = start
  for (const samples of heard(count)) {
    const [probability, ...next] = noGrad(() => step(samples, states)) as [Tensor, ...Tensor[]]
    await realize(probability, ...next)
    found.push(probability.itemSync())
    states = next
  }
  return found
}

describe.skipIf(lacking)(`silero${lacking ? ` (needs ${lacking})` : ''}`, () => {
  const expected = lacking ? [] : (JSON.parse(readFileSync(files[1]!, 'utf8')) as number[])
  const zeroStates = (): Tensor[] => [zeros([1, 128]), zeros([1, 128])]
  const worst = (found: readonly number[]): number => Math.max(...found.map((p, i) => Math.abs(p - expected[i]!)))

  const usual = device().name
  afterEach(() => setDevice(usual))
  /** How many windows are listened to: the interpreter takes a tenth of a second for each. */
  const countOn = (target: string): number => (target === 'reference' ? 10 : 400)

  test.each([...new Set([usual, 'reference'])])(
    'as modules, computed by %s, finds the voices that ONNX Runtime does',
    async (target) => {
      setDevice(target)
      const detector = detectorOf(await loadOnnx(published))
      const found = await listen(countOn(target), zeroStates(), (samples, states) => detector.forward(samples, states))
      expect(expected.length).toBe(400)
      expect(worst(found)).toBeLessThan(1e-4)
    },
    60_000,
  )

  test('as published, with a branch for each sampling rate, does too', async () => {
    const model = await loadOnnx(published)
    const rate = tensor(16_000, { dtype: 'int32' })
    const start = [zeros([2, 1, 128])]
    const found = await listen(countOn(usual), start, (samples, [state]) => model.forwardAll(samples, state!, rate))
    expect(worst(found)).toBeLessThan(1e-4)
  }, 60_000)

  test('as modules takes the weights of another release, which decides alike', async () => {
    const detector = new Detector()
    await loadStateDict(detector, files[2]!)
    const found = await listen(countOn(usual), zeroStates(), (samples, states) => detector.forward(samples, states))
    const different = found.filter((p, i) => p > 0.5 !== expected[i]! > 0.5)
    expect(different.length).toBeLessThanOrEqual(4)
  }, 60_000)
})
