import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp, { type FormatEnum } from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FileError } from '../core/errors.ts'
import { tensor } from '../tensor/creation.ts'
import { DataLoader } from './data-loader.ts'
import { decodeImage, encodeImage } from './image.ts'
import { imageFolder } from './image-folder.ts'
import { mapSamples } from './operators.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'gradus-images-'))
  await mkdir(join(root, 'red', 'deep'), { recursive: true })
  await mkdir(join(root, 'blue'))
  await picture('red', 'a.png', '#ff0000')
  await picture('red', 'deep/b.jpg', '#ff0000')
  await picture('blue', 'c.webp', '#0000ff')
  await picture('blue', 'd.avif', '#0000ff')
  await writeFile(join(root, 'blue', 'notes.txt'), 'no picture')
})
afterAll(() => rm(root, { recursive: true }))

async function picture(folder: string, name: string, background: string): Promise<void> {
  const image = sharp({ create: { width: 12, height: 8, channels: 3, background } })
  const format = name.split('.')[1]!.replace('jpg', 'jpeg') as keyof FormatEnum
  await image.toFormat(format).toFile(join(root, folder, name))
}

describe('imageFolder', () => {
  test('one class a folder, every format, channels apart', async () => {
    const images = await imageFolder(root)
    expect([images.classes, [...images.labels], images.length]).toEqual([['blue', 'red'], [0, 0, 1, 1], 4])
    for (let i = 0; i < 4; i++) {
      const [image, label] = await images.get(i)
      expect([image.shape, image.dtype]).toEqual([[3, 8, 12], 'uint8'])
      const [red, , blue] = image.to('float32').mean([1, 2]).dataSync() as unknown as [number, number, number]
      expect(label === 1 ? red - blue : blue - red).toBeGreaterThan(240)
    }
    expect(images.nameOf?.(3)).toBe(join(root, 'red', 'deep', 'b.jpg'))
  })

  test('scales while decoding, to grey on wish', async () => {
    const grey = await imageFolder(root, { size: [4, 5], channels: 1 })
    expect((await grey.get(0))[0].shape).toEqual([1, 4, 5])
    expect((await (await imageFolder(root, { shorterSide: 16 })).get(0))[0].shape).toEqual([3, 16, 24])
  })

  test('a damaged picture is named, or left out', async () => {
    const bad = join(root, 'red', 'bad.png')
    await writeFile(bad, 'text')
    const images = mapSamples(await imageFolder(root), ([image, label]) => [image, label] as const)
    const walk = async (onError: 'throw' | 'skip'): Promise<DataLoader<readonly [unknown, number] & never>> => {
      const loader = new DataLoader(images, { batchSize: 5, onError })
      for await (const [x] of loader) expect(x.shape).toEqual([4, 3, 8, 12])
      return loader as never
    }
    await expect(walk('throw')).rejects.toThrow(`DataLoader: sample 3 (${bad}): decodeImage: ${bad}: `)
    expect([...(await walk('skip')).skipped.keys()]).toEqual([3])
    await rm(bad)
  })

  test('refuses folders without classes or pictures', async () => {
    await expect(imageFolder(join(root, 'absent'))).rejects.toThrow(FileError)
    await expect(imageFolder(join(root, 'blue'))).rejects.toThrow('expected one folder a class, found none')
    await mkdir(join(root, 'green'))
    await expect(imageFolder(root)).rejects.toThrow('green: no pictures in this class')
    await rm(join(root, 'green'), { recursive: true })
  })
})

test('what was encoded is decoded again', async () => {
  const image = tensor(
    Uint8Array.from({ length: 24 }, (_, i) => 10 * i),
    { shape: [3, 2, 4] },
  )
  expect(await (await decodeImage(await encodeImage(image))).toArray()).toEqual(await image.toArray())
  const grey = tensor([
    [
      [0, 0.5],
      [1, 2],
    ],
  ])
  expect(await (await decodeImage(await encodeImage(grey), { channels: 1 })).toArray()).toEqual([
    [
      [0, 128],
      [255, 255],
    ],
  ])
  const transparent = await sharp({ create: { width: 1, height: 1, channels: 4, background: '#0000' } })
    .png()
    .toBuffer()
  expect(await (await decodeImage(transparent)).toArray()).toEqual([[[255]], [[255]], [[255]]])
})
