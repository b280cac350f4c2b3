/** A thread that reads dropped files: takes requests, answers what is to be sent. */
import { parentPort, workerData } from 'node:worker_threads'
import { present } from '../../core/assert.ts'
import { loadFileSchema } from '../../quality/file-schema.ts'
import { prepareDrop, type PrepareDrop, type PreparedDrop } from './prepare-drop.ts'

export interface ReaderRequest {
  readonly id: number
  readonly request: PrepareDrop
}

export type ReaderAnswer =
  | { readonly id: number; readonly drop: PreparedDrop }
  | { readonly id: number; readonly thrown: unknown }

const port = present(parentPort, 'the thread’s port')
const schema = loadFileSchema(workerData as string)

port.on('message', ({ id, request }: ReaderRequest) => {
  void answer(id, request)
})

async function answer(id: number, request: PrepareDrop): Promise<void> {
  try {
    const drop = await prepareDrop(request, schema)
    port.postMessage({ id, drop } satisfies ReaderAnswer, buffersOf(drop))
  } catch (thrown) {
    port.postMessage({ id, thrown } satisfies ReaderAnswer)
  }
}

/** Handed over, not copied. */
function buffersOf(drop: PreparedDrop): ArrayBuffer[] {
  if (drop.kind !== 'accepted') return []
  return (drop.batches ?? []).map(({ codes }) => codes.buffer as ArrayBuffer)
}
