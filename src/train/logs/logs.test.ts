/** Event files, taken apart by a reader of their own; TensorBoard's own reader was tried by hand. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileError } from '../../core/errors.ts'
import { decodeImage } from '../../data/image.ts'
import { TensorDataset } from '../../data/tensor-dataset.ts'
import { mseLoss } from '../../nn/functional/losses/regression.ts'
import { Linear } from '../../nn/layers/linear.ts'
import { SGD } from '../../optim/sgd.ts'
import { tensor } from '../../tensor/creation.ts'
import * as training from '../fit.ts'
import { csvFile } from './csv-file.ts'
import { SummaryWriter } from './event-file.ts'
import { crc32c, record } from './event-record.ts'
import { tensorBoard } from './tensorboard.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-logs-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

type Field = number | Uint8Array
type Message = Map<number, Field[]>

/** CRC-32C bit by bit, as a polynomial over GF(2): another way than the table. */
function slowCrc(bytes: Uint8Array): number {
  let crc = 0xffffffffn
  for (const byte of bytes) {
    crc ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n
  }
  return Number(crc ^ 0xffffffffn)
}

function parse(bytes: Uint8Array): Message {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const fields: Message = new Map()
  let at = 0
  const varint = (): number => {
    let [value, scale] = [0, 1]
    for (;;) {
      const byte = bytes[at++]!
      value += (byte & 127) * scale
      scale *= 128
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const key = varint()
    const wire = key % 8
    let value: Field
    if (wire === 0) value = varint()
    else if (wire === 1) {
      value = view.getFloat64(at, true)
      at += 8
    } else if (wire === 5) {
      value = view.getFloat32(at, true)
      at += 4
    } else {
      const length = varint()
      value = bytes.subarray(at, at + length)
      at += length
    }
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), value])
  }
  return fields
}

const inner = (message: Message, ...path: number[]): Message =>
  path.reduce((found, field) => parse(found.get(field)![0] as Uint8Array), message)
const text = (field: Field | undefined): string => new TextDecoder().decode(field as Uint8Array)
const doubles = (field: Field): number[] => Array.from(new Float64Array((field as Uint8Array).slice().buffer))

/** The events of the one file in a folder; checks length and checksums of each record. */
async function eventsIn(path: string): Promise<Message[]> {
  const names = await readdir(path)
  expect(names).toEqual([expect.stringMatching(/^events\.out\.tfevents\.\d{10}\./)])
  const file = new Uint8Array(await readFile(join(path, names[0]!)))
  const view = new DataView(file.buffer, file.byteOffset)
  const check = (from: number, length: number): void => {
    const crc = slowCrc(file.subarray(from, from + length))
    const rotated = (BigInt(crc >>> 15) | (BigInt(crc) << 17n)) & 0xffffffffn
    expect(view.getUint32(from + length, true)).toBe(Number((rotated + 0xa282ead8n) & 0xffffffffn))
  }
  const events: Message[] = []
  for (let at = 0; at < file.length; ) {
    const length = Number(view.getBigUint64(at, true))
    check(at, 8)
    check(at + 12, length)
    events.push(parse(file.subarray(at + 12, at + 12 + length)))
    at += length + 16
  }
  return events
}

test('CRC-32C: the check value of the standard, and every record', () => {
  expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
  expect(slowCrc(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
  expect(record(new Uint8Array(5))).toHaveLength(21)
})

describe('SummaryWriter', () => {
  test('scalars, histograms, pictures, texts, hyperparameters', async () => {
    const writer = new SummaryWriter(join(folder, 'run'))
    writer.addScalar('loss', 0.25, 300)
    writer.addHistogram('weights', [-1, 0, 0.5, 0.5, 2, Number.NaN], 7)
    await writer.addImage(
      'picture',
      tensor(
        Uint8Array.from({ length: 18 }, (_, i) => i),
        { shape: [3, 2, 3] },
      ),
      1,
    )
    writer.addText('note', 'größer', 2)
    writer.addHparams({ lr: 0.1, optimizer: 'Adam', nesterov: true }, ['loss'])
    await writer.flush()
    const [first, ...events] = await eventsIn(join(folder, 'run'))
    expect(text(first!.get(3)?.[0])).toBe('brain.Event:2')
    expect(Math.abs((first!.get(1)![0] as number) - Date.now() / 1000)).toBeLessThan(60)
    const values = events.map((event) => inner(event, 5, 1))
    expect(values.map((value) => text(value.get(1)?.[0]))).toEqual([
      ...['loss', 'weights', 'picture', 'note'],
      ...['_hparams_/experiment', '_hparams_/session_start_info', '_hparams_/session_end_info'],
    ])
    expect([events[0]!.get(2), values[0]!.get(2)]).toEqual([[300], [0.25]])

    const histogram = inner(values[1]!, 5)
    expect([1, 2, 3, 4, 5].map((field) => histogram.get(field)![0])).toEqual([-1, 2, 5, 2, 5.5])
    const [limits, counts] = [doubles(histogram.get(6)![0]!), doubles(histogram.get(7)![0]!)]
    expect(counts.reduce((sum, n) => sum + n, 0)).toBe(5)
    const bucket = (value: number): number => counts[limits.findIndex((limit) => limit > value)]!
    expect([bucket(-1), bucket(0), bucket(0.5), bucket(2)]).toEqual([1, 1, 2, 1])

    const image = inner(values[2]!, 4)
    expect([image.get(1), image.get(2), image.get(3)]).toEqual([[2], [3], [3]])
    expect((await decodeImage(image.get(4)![0] as Uint8Array)).dataSync()[17]).toBe(17)
    expect([text(inner(values[3]!, 8).get(8)?.[0]), text(inner(values[3]!, 9, 1).get(1)?.[0])]).toEqual([
      'größer',
      'text',
    ])

    const settings = inner(values[5]!, 9, 1, 2, 3)
      .get(1)!
      .map((entry) => parse(entry as Uint8Array))
    expect(settings.map((entry) => text(entry.get(1)?.[0]))).toEqual(['lr', 'optimizer', 'nesterov'])
    expect(inner(settings[0]!, 2).get(2)).toEqual([0.1])
    expect(inner(settings[2]!, 2).get(4)).toEqual([1])
  })

  test('a folder that cannot be made is an error of flush', async () => {
    await writeFile(join(folder, 'file'), '')
    const writer = new SummaryWriter(join(folder, 'file', 'run'))
    writer.addScalar('a', 1, 1)
    await expect(writer.flush()).rejects.toThrow(FileError)
  })
})

test('a training is logged by step and by epoch, and as a table', async () => {
  const x = tensor([[1], [2], [3], [4]])
  const model = new Linear(1, 1)
  await training.fit(model, {
    ...{ train: new TensorDataset(x, x), validation: new TensorDataset(x, x), loss: mseLoss, epochs: 2, batchSize: 1 },
    ...{ readEvery: 2, optimizer: new SGD(model.parameters(), { lr: 0.01 }) },
    callbacks: [
      tensorBoard(join(folder, 'board'), { histograms: true, hparams: { lr: 0.01 } }),
      csvFile(join(folder, 'table.csv')),
    ],
  })
  const events = await eventsIn(join(folder, 'board'))
  const tags = events.slice(1).map((event) => `${text(inner(event, 5, 1).get(1)?.[0])} ${event.get(2)![0]}`)
  expect(tags.slice(3)).toEqual(
    [4, 8].flatMap((last) => [
      ...[`step/loss ${last - 2}`, `lr ${last - 2}`, `step/loss ${last}`, `lr ${last}`],
      ...[`loss/validation ${last}`, `loss/train ${last}`, `weight ${last}`, `bias ${last}`],
    ]),
  )
  const table = (await readFile(join(folder, 'table.csv'), 'utf8')).trim().split('\n')
  expect([table[0], table.length]).toEqual(['epoch,steps,lr,seconds,train loss,validation loss', 3])
  expect(table[2]).toMatch(/^2,4,0\.01,[\d.e-]+,[\d.e-]+,[\d.e-]+$/)
})
