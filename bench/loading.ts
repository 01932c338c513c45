/**
 * How fast weights come from a warm page cache, and how much memory that takes: `npm run ts bench/loading.ts [model.safetensors]`.
 * Without a file, one of the size of BERT-base (110 million numbers in float32) is written to the temporary folder and removed again.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { zeros } from 'gradus'
import { loadSafetensors, saveSafetensors } from 'gradus/io'

const rounds = 5
const [given, role] = process.argv.slice(2)

if (role === 'load') {
  const started = performance.now()
  const { tensors } = await loadSafetensors(given!)
  const seconds = (performance.now() - started) / 1000
  const bytes = [...tensors.values()].reduce((sum, { size }) => sum + 4 * size, 0)
  console.log(JSON.stringify({ seconds, bytes, peak: await peakBytes() }))
} else {
  const folder = await mkdtemp(join(tmpdir(), 'gradus-loading-'))
  const path = given ?? join(folder, 'model.safetensors')
  if (given === undefined) {
    // As many matrices as BERT-base has, of about its sizes.
    const layers = Array.from({ length: 144 }, (_, i) => [`layer.${i}`, zeros([768, 768])] as const)
    await saveSafetensors(path, { words: zeros([30522, 768]), ...Object.fromEntries(layers) })
  }
  await readFile(path)
  for (let round = 0; round < rounds; round++) {
    const { stdout, stderr } = spawnSync(process.execPath, [
      ...process.execArgv,
      fileURLToPath(import.meta.url),
      path,
      'load',
    ])
    if (stdout.length === 0) throw new Error(String(stderr))
    const { seconds, bytes, peak } = JSON.parse(String(stdout))
    console.log(
      `${(bytes / 1e6).toFixed(0)} MB in ${seconds.toFixed(3)} s, peak resident ${(peak / bytes).toFixed(2)} of the weights`,
    )
  }
  await rm(folder, { recursive: true })
}

/** Most memory that was resident at once. `maxRSS` begins with what the process had that started this one. */
async function peakBytes(): Promise<number> {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(await readFile('/proc/self/status', 'utf8')) ?? []
  return Number(kilobytes) * 1024
}
