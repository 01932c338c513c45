/** The worker thread of a loader: makes the dataset of its module again and loads the batches it is asked for. */
import { parentPort, workerData } from 'node:worker_threads'
import { toStorage } from '../core/dtype.ts'
import { setDevice } from '../runtime/device.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { collate } from './collate.ts'
import { loadBatch } from './load-batch.ts'
import { importDataset } from './module-dataset.ts'
import { SampleError } from './sample-error.ts'
import type { PackedError, PackedTensor, Reply, Request, WorkerSetup } from './worker-messages.ts'

// The processor's cores belong to the training; what a transform computes here is small.
setDevice('reference')

const port = parentPort
if (!port) throw new Error('loader-worker runs in a worker thread only')
const setup: WorkerSetup = workerData
const made = importDataset(setup.module, setup.options)
// Its failure is the answer to every request.
made.catch(() => {})

port.on('message', async (request: Request) => {
  const reply = await answer(request).catch((error: unknown) => ({ ticket: request.ticket, error: packError(error) }))
  const parts = 'parts' in reply ? (reply.parts ?? []) : []
  port.postMessage(
    reply,
    parts.map(({ values }) => values.buffer as ArrayBuffer),
  )
})

async function answer({ ticket, ...job }: Request): Promise<Reply> {
  const source = await made
  const join = source.collate ?? collate
  const isJoinedByDataset = source.collate === undefined
  const { batch, failed } = await loadBatch(source, job, join, isJoinedByDataset, setup.skip)
  const parts = batch && (await Promise.all((batch as readonly Tensor[]).map(pack)))
  return { ticket, parts, failed: failed.map(packError) }
}

async function pack(x: Tensor): Promise<PackedTensor> {
  return { values: toStorage(await x.data(), x.dtype), shape: x.shape, dtype: x.dtype }
}

function packError(error: unknown): PackedError {
  if (!(error instanceof Error)) return { message: String(error) }
  const { message, stack } = error
  const own = error instanceof SampleError ? { index: error.index, sample: error.sample } : {}
  const reason = error instanceof SampleError && error.cause instanceof Error ? error.cause.message : message
  return { ...own, message: reason, ...(stack !== undefined && { stack }) }
}
