/**
 * Damaged and odd pictures are read, or left out and named; they never end the process. 210 files by default;
 * `GRADUS_DAMAGED=10000 npx vitest run src/data/damaged` makes that many, of photographs where they are present.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { damagedFile, formatsOf } from '../../test/data/damage.ts'
import { DataLoader } from './data-loader.ts'
import { moduleDataset } from './module-dataset.ts'
import { Random } from './random.ts'
import { SampleError } from './sample-error.ts'

const count = Number(process.env['GRADUS_DAMAGED'] ?? 210)
const photographs = join(process.env['GRADUS_DATA'] ?? '../shared/data', 'hymenoptera', 'train', 'bees')
const workerOptions = { execArgv: ['--disable-warning=DEP0205', '--import', '@oxc-node/core/register'] }

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'gradus-damaged-'))
})
afterAll(() => rm(root, { recursive: true }))

/** Twenty photographs or, for the short test and where there are none, four drawings. */
async function originals(): Promise<Sharp[]> {
  if (count > 210 && existsSync(photographs)) {
    const names = (await readdir(photographs)).sort().slice(0, 20)
    return names.map((name) => sharp(join(photographs, name)))
  }
  return ['#c33', '#3c3', '#33c', '#777'].map((colour, i) =>
    sharp(
      Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"><rect width="64" height="48" fill="${colour}"/>
        <circle cx="${10 + 9 * i}" cy="24" r="15" fill="#fe8"/><path d="M2 ${40 - 5 * i} L60 9" stroke="#124" stroke-width="3"/></svg>`),
    ),
  )
}

test(
  `${count} damaged and odd files: each is read or named, and none ends the process`,
  async () => {
    const sources = await Promise.all((await originals()).map(formatsOf))
    const folder = join(root, 'many')
    await mkdir(join(folder, 'all'), { recursive: true })
    const made = new Map<string, { kind: string; fate: string }>()
    for (let i = 0; i < count; i++) {
      const { kind, fate, ending, bytes } = damagedFile(i, sources, new Random(7, { index: i }))
      const name = `${String(i).padStart(5, '0')}.${ending}`
      made.set(name, { kind, fate })
      await writeFile(join(folder, 'all', name), bytes)
    }
    const images = await moduleDataset<typeof import('../../test/data/damaged.ts')>(
      new URL('../../test/data/damaged.ts', import.meta.url),
      { folder },
    )
    expect(images.length).toBe(count)
    const loader = new DataLoader(images, { batchSize: 25, workers: 2, onError: 'skip', workerOptions })
    let read = 0
    for await (const [x] of loader) {
      expect([x.shape.slice(1), x.dtype]).toEqual([[3, 24, 32], 'uint8'])
      read += x.shape[0]!
    }
    const refused = [...loader.skipped].map(([index, { message }]) => ({
      name: basename(images.paths[index]!),
      message,
    }))
    expect(read + refused.length).toBe(count)
    for (const { name, message } of refused) {
      expect(made.get(name)?.fate, `${made.get(name)?.kind}: ${message}`).not.toBe('read')
      expect(message).toContain(join(folder, 'all', name))
      expect(message).not.toContain('\n')
    }
    const names = new Set(refused.map(({ name }) => name))
    const missed = [...made].filter(([name, { fate }]) => fate === 'refused' && !names.has(name))
    expect(missed).toEqual([])
    if (count > 210) table([...made].map(([name, { kind }]) => ({ kind, read: !names.has(name) })))

    const [first] = loader.skipped.keys()
    const strict = new DataLoader(images, { batchSize: 25, onError: 'throw' })
    const walk = async (): Promise<void> => {
      for await (const [x] of strict) expect(x.rank).toBe(4)
    }
    const failure = await walk().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(SampleError)
    expect((failure as SampleError).message).toContain(`sample ${first} (${images.paths[first!]})`)
  },
  count > 210 ? 600_000 : undefined,
)

/** How many of each kind were read. */
function table(files: readonly { kind: string; read: boolean }[]): void {
  for (const kind of new Set(files.map((file) => file.kind))) {
    const all = files.filter((file) => file.kind === kind)
    console.log(`${kind.padEnd(32)} ${all.filter(({ read }) => read).length} of ${all.length} read`)
  }
}

test('odd pictures look as the plain one does', async () => {
  const [original] = await originals()
  const folder = join(root, 'odd')
  await mkdir(join(folder, 'all'), { recursive: true })
  const wholes = await formatsOf(original!)
  for (const [i, { ending, bytes }] of wholes.entries())
    await writeFile(join(folder, 'all', `${i + 10}.${ending}`), bytes)
  const { dataset } = await import('../../test/data/damaged.ts')
  const images = await dataset({ folder })
  const [plain] = await images.get(5)
  for (const [i, { format }] of wholes.entries()) {
    const [image] = await images.get(i)
    // Grey, half transparent on white, or printed with other inks: the same picture, in other colours.
    const most = { 'grey JPEG': 90, 'PNG with transparency': 90, 'CMYK JPEG': 40 }[format] ?? 12
    const difference = image.to('float32').sub(plain.to('float32')).abs().mean().itemSync()
    expect(difference, format).toBeLessThan(most)
  }
})

test('what is no file is no picture, whatever its name', async () => {
  const folder = join(root, 'names')
  await mkdir(join(folder, 'all', 'folder.jpg'), { recursive: true })
  await symlink(join(folder, 'absent'), join(folder, 'all', 'link.jpg'))
  await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } }).toFile(join(folder, 'all', 'a.png'))
  // Reading from a pipe would wait for ever.
  if (process.platform !== 'win32') execFileSync('mkfifo', [join(folder, 'all', 'pipe.jpg')])
  const { dataset } = await import('../../test/data/damaged.ts')
  const images = await dataset({ folder })
  expect(images.paths.map((path) => basename(path))).toEqual(['a.png', 'link.jpg'])
  const loader = new DataLoader(images, { batchSize: 4, onError: 'skip' })
  for await (const [x] of loader) expect(x.shape[0]).toBe(1)
  expect([...loader.skipped.keys()]).toEqual([1])
})
