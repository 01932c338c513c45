import type { Compressors } from 'hyparquet'
import { FileError } from '../core/errors.ts'
import { reasonOf } from '../core/system-error.ts'
import { type Columns, RowReader } from './columns.ts'
import type { JsonlRow } from './jsonl.ts'
import { importPackage } from './packages.ts'
import { Stream } from './stream.ts'

export interface ParquetOptions<C extends Columns | undefined = undefined> {
  /** Types by column name; other columns are not read. Default: all columns, as the file has them. */
  readonly columns?: C
}

/**
 * The rows of a Parquet file, one row group in memory at a time. Decoded by the npm package `hyparquet`; compressed by
 * Snappy, gzip or Brotli (ZSTD from Node 22.15 on). Needs Node.
 *
 * Throws a {@link FileError} when the file cannot be read or a value does not fit its column, and a `MissingPackageError`
 * when `hyparquet` is not installed.
 */
export function parquet<const C extends Columns | undefined = undefined>(
  path: string,
  { columns }: ParquetOptions<C> = {},
): Stream<JsonlRow<C>> {
  const reader = new RowReader('parquet', columns as C)
  return new Stream(async function* () {
    const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await importPackage<
      typeof import('hyparquet')
    >('parquet', 'Parquet files are decoded by', 'hyparquet')
    const compressors = await nodeCompressors()
    try {
      const file = await asyncBufferFromFile(path)
      const metadata = await parquetMetadataAsync(file)
      const wanted = columns ? { columns: [...reader.names] } : {}
      let from = 0
      for (const group of metadata.row_groups) {
        const to = from + Number(group.num_rows)
        const rows = await parquetReadObjects({ file, metadata, compressors, rowStart: from, rowEnd: to, ...wanted })
        for (const [i, row] of rows.entries()) {
          const place = (): string => `${path}: row ${from + i + 1}`
          yield (columns ? reader.read(row, place) : row) as JsonlRow<C>
        }
        from = to
      }
    } catch (error) {
      if (error instanceof FileError) throw error
      throw new FileError('parquet', `${path}: ${reasonOf(error)}`, { cause: error })
    }
  })
}

async function nodeCompressors(): Promise<Compressors> {
  const zlib = await import('node:zlib')
  const zstd = (zlib as { zstdDecompressSync?: (input: Uint8Array) => Uint8Array }).zstdDecompressSync
  return {
    GZIP: (input) => zlib.gunzipSync(input),
    BROTLI: (input) => zlib.brotliDecompressSync(input),
    ...(zstd && { ZSTD: (input: Uint8Array) => zstd(input) }),
  }
}
