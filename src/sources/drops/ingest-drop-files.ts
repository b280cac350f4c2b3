/** Files named on a command line, judged and sent as dropped ones are. They stay where they are. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import type { FileSchema } from '../../quality/file-schema.ts'
import type { IngestPort } from '../ingest-port.ts'
import { RecordSender } from '../record-sender.ts'
import { dropReport, type DropReport } from './drop-report.ts'
import { asTakenBefore } from './known-drops.ts'
import { prepareDrop, type AcceptedDrop } from './prepare-drop.ts'
import { sendDrop } from './send-drop.ts'

export interface IngestDropFiles {
  readonly files: readonly string[]
  readonly schema: FileSchema
  readonly ingest: IngestPort
  readonly clock: Clock
  /** As of `asTakenBefore`; absent: nothing was. */
  readonly counts?: (contentHash: string) => Promise<boolean>
  readonly signal?: AbortSignal
}

export type DropFileOutcome =
  | { readonly kind: 'taken'; readonly path: string; readonly file: AcceptedDrop['file'] }
  | { readonly kind: 'refused'; readonly path: string; readonly report: DropReport }
  | { readonly kind: 'unreadable'; readonly path: string; readonly why: string }

/** Each outcome once it is durable; a file that cannot be read says nothing of the others. */
export async function* ingestDropFiles({
  files,
  schema,
  ingest,
  clock,
  counts = () => Promise.resolve(false),
  signal,
}: IngestDropFiles): AsyncGenerator<DropFileOutcome> {
  const { topic } = schema
  const sender = new RecordSender({
    ingest,
    clock,
    topic,
    onError: 'refuse',
    source: 'file',
    signal,
  })
  const asideDirectory = mkdtempSync(join(tmpdir(), 'tidemark-ingest-'))
  try {
    for (const path of files) {
      if (signal?.aborted === true) return
      const name = basename(path)
      const nowMs = clock.nowMs()
      const request = { path, name, asideDirectory, completeAfterMs: 0, nowMs }
      const drop = await prepareDrop(request, schema)
      if (drop.kind === 'later' || drop.kind === 'unreadable') {
        const why =
          drop.kind === 'unreadable'
            ? drop.why
            : 'it is not there, or was changed while it was read'
        yield { kind: 'unreadable', path, why }
        continue
      }
      if (drop.kind === 'refused') {
        const { identity, columns, rowsRead, problems, problemsTotal } = drop
        const { contentHash } = identity
        const file = { name, contentHash, problems, problemsTotal, rowsRead, foundColumns: columns }
        yield { kind: 'refused', path, report: dropReport(file, schema, nowMs) }
        continue
      }
      await sendDrop(await asTakenBefore(drop, counts), sender, schema)
      await sender.flush()
      yield { kind: 'taken', path, file: drop.file }
    }
  } finally {
    rmSync(asideDirectory, { recursive: true, force: true })
  }
}
