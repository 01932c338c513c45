/**
 * When does somebody speak? The published voice detector Silero VAD (npm `@ricky0123/vad-web`: `npm ci --prefix test/weights`) listens
 * to a recording, 32 ms at a time: `npm run ts examples/voices.ts recording.wav [seconds]`, of one channel of 16 bits at 8 or 16 kHz.
 */
import { readFileSync } from 'node:fs'
import { noGrad, realize, tensor, zeros } from 'gradus'
import { loadOnnx } from 'gradus/io'
import { needed } from './report.ts'

const [, , recording = 'recording.wav', seconds = 'Infinity'] = process.argv
const file = 'test/weights/node_modules/@ricky0123/vad-web/dist/silero_vad_v6.onnx'
needed(file, 'the detector; npm ci --prefix test/weights')
needed(recording, 'a recording; name a WAV file')

const wave = readFileSync(recording)
const [channels, rate, bits] = [wave.readUInt16LE(22), wave.readUInt32LE(24), wave.readUInt16LE(34)]
if (channels !== 1 || bits !== 16 || (rate !== 8000 && rate !== 16_000))
  throw new Error(
    `${recording}: ${channels} channels of ${bits} bits at ${rate} Hz; one of 16 at 8000 or 16000 is needed`,
  )
const sound = wave.subarray(wave.indexOf('data') + 8)
const [window, context] = [0.032 * rate, 0.004 * rate]
const length = Math.min(sound.length / 2, Number(seconds) * rate)

const detector = (await loadOnnx(file)).eval()
const samplingRate = tensor(rate, { dtype: 'int32' })
/** What is heard with a window: the samples before it, of silence at first. */
const heard = new Float32Array(context + window)
const speaks: boolean[] = []
let state = zeros([2, 1, 128])
for (let start = 0; start < length; start += window) {
  heard.copyWithin(0, window)
  for (let i = 0; i < window; i++)
    heard[context + i] = start + i < length ? sound.readInt16LE(2 * (start + i)) / 32768 : 0
  const samples = tensor(heard, { shape: [1, context + window] })
  const [probability, next] = noGrad(() => detector.forwardAll(samples, state, samplingRate))
  await realize(probability!, next!)
  speaks.push(probability!.itemSync() > 0.5)
  state = next!
}

for (const [i, now] of speaks.entries()) {
  if (!now || speaks[i - 1]) continue
  const silent = speaks.indexOf(false, i)
  const until = silent < 0 ? speaks.length : silent
  console.log(`${(0.032 * i).toFixed(2)} s to ${(0.032 * until).toFixed(2)} s`)
}
