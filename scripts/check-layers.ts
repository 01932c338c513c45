/**
 * Checks that imports inside `src` run downhill (`npm run layers`):
 *
 * - order: a folder imports only from itself and from the folders before it in `FOLDERS`;
 * - core: outside `PLATFORM`, nothing is imported from npm or from Node; what differs by platform is imported by a name that
 *   package.json resolves (`#native`);
 * - barrel: an `index.ts` is for users, so only `src/index.ts` and index files of the same folder import one.
 *
 * `src/index.ts` may import every folder, test files may import what they like.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { posix, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync, Visitor } from 'vite'

/** The folders of `src` in the order in which data flows. */
export const FOLDERS: readonly string[] = [
  ...['core', 'graph', 'schedule', 'lane', 'kernel', 'codegen', 'runtime', 'tensor'],
  ...['nn', 'optim', 'data', 'io', 'train', 'models', 'cli'],
]

/** What may use Node and npm packages; everything else is the core. */
export const PLATFORM: readonly string[] = ['runtime/native', 'data', 'io', 'cli']

export interface Violation {
  /** Path of the importing file, from the repository's root. */
  file: string
  line: number
  /** What is imported, as written. */
  specifier: string
  rule: 'order' | 'core' | 'barrel'
  reason: string
}

/**
 * Every import that breaks a rule.
 *
 * @param sources text of each TypeScript file by its path from `src`, with forward slashes (`nn/linear.ts`)
 */
export function findViolations(sources: ReadonlyMap<string, string>): Violation[] {
  const found: Violation[] = []
  for (const [file, text] of sources) {
    if (file.endsWith('.test.ts')) continue
    for (const { specifier, offset } of importsOf(file, text)) {
      const broken = brokenRule(file, specifier)
      if (broken)
        found.push({ file: `src/${file}`, line: text.slice(0, offset).split('\n').length, specifier, ...broken })
    }
  }
  return found
}

function brokenRule(file: string, specifier: string): Pick<Violation, 'rule' | 'reason'> | undefined {
  const isPlatform = PLATFORM.some((folder) => file.startsWith(`${folder}/`))
  if (specifier.startsWith('#')) return undefined
  if (!specifier.startsWith('.')) {
    if (isPlatform) return undefined
    return { rule: 'core', reason: `only ${PLATFORM.join(', ')} may import from npm or Node` }
  }
  const target = posix.normalize(posix.join(posix.dirname(file), specifier))
  if (target.startsWith('../')) return { rule: 'order', reason: 'src imports nothing from outside src' }
  if (file === 'index.ts') return undefined

  const from = folderOf(file)
  const to = folderOf(target)
  if (posix.basename(target) === 'index.ts' && (from !== to || posix.basename(file) !== 'index.ts')) {
    return { rule: 'barrel', reason: 'import the file that defines it, not an index' }
  }
  const unknown = [from, to].find((folder) => !FOLDERS.includes(folder))
  if (unknown !== undefined) return { rule: 'order', reason: `'${unknown}' is not in the folder order` }
  if (FOLDERS.indexOf(to) > FOLDERS.indexOf(from)) {
    return { rule: 'order', reason: `${from} comes before ${to} and must not know it` }
  }
  return undefined
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(path.indexOf('/'), 0)) || path
}

/** All modules a file names: imports, re-exports, `import()` and types written as `import('...')`. */
function importsOf(file: string, text: string): { specifier: string; offset: number }[] {
  const { program, errors } = parseSync(file, text)
  if (errors[0]) throw new SyntaxError(`src/${file}: ${errors[0].message}`)
  const found: { specifier: string; offset: number }[] = []
  const visit = ({ source }: { source: { type: string; value?: unknown; start: number } | null }): void => {
    if (source && typeof source.value === 'string') found.push({ specifier: source.value, offset: source.start })
  }
  new Visitor({
    ImportDeclaration: visit,
    ExportNamedDeclaration: visit,
    ExportAllDeclaration: visit,
    ImportExpression: visit,
    TSImportType: visit,
  }).visit(program)
  return found
}

function readSources(root: string): Map<string, string> {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  return new Map(paths.map((path) => [path.split(sep).join('/'), readFileSync(`${root}/${path}`, 'utf8')]))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const sources = readSources(fileURLToPath(new URL('../src', import.meta.url)))
  const violations = findViolations(sources)
  for (const { file, line, specifier, rule, reason } of violations) {
    console.error(`${file}:${line}: ${rule}: imports '${specifier}': ${reason}`)
  }
  console.log(`layers: ${sources.size} files, ${violations.length} violations`)
  if (violations.length > 0) process.exitCode = 1
}
