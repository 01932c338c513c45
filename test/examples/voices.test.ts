/** The example that listens to a recording, here at half its sampling rate: the detector has a network of its own for that. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dataFile } from '../sequences/data.ts'
import { outputOf } from './output.ts'

const detector = 'test/weights/node_modules/@ricky0123/vad-web/dist/silero_vad_v6.onnx'
const [recording, reference] = ['test.wav', 'reference-probabilities.json'].map((name) => dataFile(`silero/${name}`))
const lacking = existsSync(detector)
  ? recording && reference
    ? ''
    : 'silero/test.wav'
  : 'npm ci --prefix test/weights'

/** A recording of 16 bits at half the rate: the means of two samples. */
function halved(wave: Buffer): Buffer {
  const [header, sound] = [Buffer.from(wave.subarray(0, 44)), wave.subarray(44)]
  header.writeUInt32LE(wave.readUInt32LE(24) / 2, 24)
  const samples = Int16Array.from({ length: sound.length / 4 }, (_, i) =>
    Math.round((sound.readInt16LE(4 * i) + sound.readInt16LE(4 * i + 2)) / 2),
  )
  return Buffer.concat([header, new Uint8Array(samples.buffer)])
}

test.skipIf(lacking)(
  `voices are heard at 8 kHz as at 16${lacking ? ` (needs ${lacking})` : ''}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gradus-voices-'))
    writeFileSync(join(folder, 'half.wav'), halved(readFileSync(recording!)))
    const passages = (await outputOf('voices', join(folder, 'half.wav'), 4.8)).split('\n')
    rmSync(folder, { recursive: true })
    const loud = (JSON.parse(readFileSync(reference!, 'utf8')) as number[]).slice(0, 150).map((p) => p > 0.5)
    const changes = loud.flatMap((now, i) => (now === (loud[i - 1] ?? false) ? [] : [0.032 * i]))
    const found = passages.flatMap((line) => /^([\d.]+) s to ([\d.]+) s$/.exec(line)?.slice(1).map(Number) ?? [])
    expect(changes.length).toBe(4)
    expect(found.length).toBe(4)
    for (const [i, second] of found.entries()) expect(Math.abs(second - changes[i]!)).toBeLessThan(0.1)
  },
  60_000,
)
