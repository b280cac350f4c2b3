/** Bodies in bounded memory: limits on bytes, on the client's silence and on all bodies together. */
import type { Context } from 'hono'
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import { restError } from './ingest-answers.ts'
import type { IngestLimits } from './ingest-limits.ts'

/** A budget that all requests share; a request beyond it is asked to come again. */
export class InFlightBytes {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** @throws TidemarkError BACK_PRESSURE */
  reserve(bytes: number): () => void {
    if (this.#bytes > 0 && this.#bytes + bytes > this.#bytesMax) {
      const held = `bodies of ${this.#bytes} bytes are being read`
      throw restError(42901, 'BACK_PRESSURE', `${held}; at most ${this.#bytesMax} at a time`, 1000)
    }
    this.#bytes += bytes
    return () => {
      this.#bytes -= bytes
    }
  }
}

/** What a body will take of the budget: as it says, or as much as it may. */
export function announcedBytes(context: Context, bytesMax: number): number {
  const length = Number(context.req.header('content-length') ?? Number.NaN)
  if (!Number.isSafeInteger(length)) return bytesMax
  if (length > bytesMax) throw tooLarge(bytesMax)
  return length
}

/** @throws TidemarkError REQUEST_TOO_LARGE (413) | REQUEST_INVALID (408 silent, 400 broken off) */
export async function* bodyChunks(
  context: Context,
  bytesMax: number,
  { bodyIdleMsMax }: IngestLimits,
  clock: Clock,
): AsyncGenerator<Buffer> {
  const { body } = context.req.raw
  if (body === null) return
  const reader = (body as ReadableStream<Uint8Array>).getReader()
  let bytes = 0
  try {
    for (;;) {
      const chunk = await readInTime(reader, bodyIdleMsMax, clock)
      if (chunk === null) return
      bytes += chunk.length
      if (bytes > bytesMax) throw tooLarge(bytesMax)
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    }
  } finally {
    reader.cancel().catch(() => undefined)
  }
}

/** Null at the end. */
function readInTime(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  idleMsMax: number,
  clock: Clock,
): Promise<Uint8Array | null> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(idleMsMax, () => {
      reject(clientSilent(idleMsMax))
    })
    reader
      .read()
      .then(
        ({ done, value }) => {
          resolve(done ? null : value)
        },
        (thrown: unknown) => {
          reject(restError(400, 'REQUEST_INVALID', `the body broke off: ${messageOf(thrown)}`))
        },
      )
      .finally(cancel)
  })
}

export async function wholeBody(
  context: Context,
  limits: IngestLimits,
  clock: Clock,
): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of bodyChunks(context, limits.bodyBytesMax, limits, clock)) {
    chunks.push(chunk)
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
}

function tooLarge(bytesMax: number): Error {
  return restError(
    413,
    'REQUEST_TOO_LARGE',
    `the body is beyond bodyBytesMax, ${bytesMax} bytes; send smaller batches, send lines as ` +
      'application/x-ndjson, or raise bodyBytesMax (TIDEMARK_BODY_BYTES_MAX)',
  )
}

function clientSilent(idleMsMax: number): Error {
  return restError(408, 'REQUEST_INVALID', `no byte of the body for ${idleMsMax / 1000} s`)
}
