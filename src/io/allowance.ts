import { FileError } from '../core/errors.ts'

export interface AllowanceOptions {
  /**
   * Memory that a file may take at most, in bytes. Compressed files, and tensors of which a file holds only one element or
   * row, can stand for far more than their size; this stops them. Default: 256 MiB and 32 times the size of the file.
   */
  readonly maxBytes?: number
}

const mebibyte = 2 ** 20

/** What may still be allocated while one file is read. */
export class Allowance {
  private readonly op: string
  private readonly file: string
  private readonly limit: number
  private taken = 0

  constructor(op: string, file: string, fileBytes: number, { maxBytes }: AllowanceOptions = {}) {
    this.op = op
    this.file = file
    this.limit = maxBytes ?? 256 * mebibyte + 32 * fileBytes
  }

  /** Counts `bytes` that are about to be allocated for `what`. Throws a {@link FileError} when they are too many. */
  take(bytes: number, what: string): void {
    this.taken += bytes
    if (this.taken <= this.limit) return
    throw new FileError(
      this.op,
      `${this.file}: ${what} would bring its memory to ${this.taken} bytes, more than ${this.limit}; pass { maxBytes } if you trust the file`,
    )
  }
}
