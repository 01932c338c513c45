/** A voice detector with real weights: convolutions over windows of a recording, then an LSTM cell (snakers4/silero-vad). */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { F, nn, noGrad, type Tensor, tensor, zeros } from '../../src/index.ts'
import { loadStateDict } from '../../src/io/index.ts'
import { dataFile } from './data.ts'

const files = ['silero_vad_16k.safetensors', 'test.wav', 'reference-probabilities.json'].map((file) =>
  dataFile(`silero/${file}`),
)
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

  /** Samples [1, 64 + 512] and a state → [probability of a voice, next state]. */
  forward(samples: Tensor, state: readonly [Tensor, Tensor]): [Tensor, [Tensor, Tensor]] {
    const spectrum = this.stftConv.forward(F.pad(samples.unsqueeze(1), [0, 64], { mode: 'reflect' }))
    const [real, imaginary] = spectrum.chunk(2, 1) as [Tensor, Tensor]
    let x = real.mul(real).add(imaginary.mul(imaginary)).sqrt()
    for (const conv of [this.conv1, this.conv2, this.conv3, this.conv4]) x = F.relu(conv.forward(x))
    const next = this.lstmCell.forward(x.squeeze(-1), state)
    return [this.finalConv.forward(F.relu(next[0]).unsqueeze(-1)).sigmoid(), next]
  }
}

test.skipIf(files.includes(undefined))(
  'silero finds the voices of a recording as ONNX Runtime does',
  async () => {
    const [weights, recording, reference] = files as [string, string, string]
    const detector = new Detector().eval()
    await loadStateDict(detector, weights)
    const wave = readFileSync(recording).subarray(44)
    const expected = JSON.parse(readFileSync(reference, 'utf8')) as number[]
    const count = 40
    const samples = Float32Array.from({ length: context + count * window }, (_, i) =>
      i < context ? 0 : wave.readInt16LE(2 * (i - context)) / 32768,
    )
    let state: [Tensor, Tensor] = [zeros([1, 128]), zeros([1, 128])]
    const found: number[] = []
    for (let i = 0; i < count; i++) {
      const part = tensor(samples.slice(i * window, i * window + context + window), { shape: [1, context + window] })
      const [probability, next] = noGrad(() => detector.forward(part, state))
      found.push(await probability.item())
      state = next
    }
    for (const [i, p] of found.entries()) expect(Math.abs(p - expected[i]!), `window ${i}`).toBeLessThan(1e-4)
  },
  60_000,
)
