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
