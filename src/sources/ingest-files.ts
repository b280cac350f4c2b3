/**
 * Files into a topic: NDJSON, CSV and TSV, plain or gzipped, in bounded memory. A row is the event: where the
 * topic has no key of its own, (content hash of the file, row number) is its identity. Reading a file twice
 * therefore changes nothing, and a checkpoint spares the work.
 */
import { assert } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import type { Headers } from '../core/record.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { jsonOfCells } from '../quality/cells.ts'
import { columnsHeader, delimiterHeader } from '../quality/redrive.ts'
import type { AvroType } from '../schema/avro-type.ts'
import { parseAvro } from '../schema/parse-avro.ts'
import type { IngestPort, IngestRecord, RefusalPolicy } from './ingest-port.ts'
import { isBlank, lines, type Line } from './lines.ts'
import { RecordSender, type SenderTotals } from './record-sender.ts'
import { openFile, rowsHash } from './source-files.ts'
import { openTable, type TableHeader, type TableRow } from './table-rows.ts'

/** Names the row where the topic has no key of its own. */
export const rowHeader = 'tidemark.row'

export interface FileProgress {
  readonly file: string
  /** Of the file as it lies on disk. */
  readonly bytesRead: number
  readonly bytesTotal: number
  /** Durable, of all files so far. */
  readonly rows: number
  readonly rowsPerSecond: number
}

/** Which rows of a content are durable already: kept by the caller, by content hash. */
export interface FileCheckpoints {
  rowsDone(contentHash: string): number
  save(contentHash: string, rowsDone: number): void
}

export interface FileIngestOptions {
  readonly topic: TopicDefinition<any, any>
  readonly files: readonly string[]
  readonly ingest: IngestPort
  readonly clock: Clock
  /** Absent: quarantine. */
  readonly onError?: RefusalPolicy
  /** Of a line or row; a longer one is refused. */
  readonly recordBytesMax?: number
  /** A field to fill with the row's identity where the row leaves it out. */
  readonly identityField?: string
  readonly checkpoints?: FileCheckpoints
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: FileProgress) => void
}

export interface FileIngestReport extends SenderTotals {
  readonly rows: number
  /** Left out, because a checkpoint says that they are durable. */
  readonly rowsSkipped: number
}

type FileForm = 'lines' | 'table'
const recordBytesMaxDefault = 1024 * 1024

/** @throws TidemarkError SOURCE_UNREADABLE; REQUEST_INVALID where `onError` is `refuse` and a row is bad */
export async function ingestFiles(options: FileIngestOptions): Promise<FileIngestReport> {
  const forms = options.files.map((file) => ({ file, form: formOf(file) }))
  const run = new FileRun(options)
  for (const { file, form } of forms) await run.read(file, form)
  return run.report()
}

function formOf(file: string): FileForm {
  if (/\.(ndjson|jsonl)(\.gz)?$/i.test(file)) return 'lines'
  if (/\.(csv|tsv)(\.gz)?$/i.test(file)) return 'table'
  throw new TidemarkError(
    'SOURCE_UNREADABLE',
    `${file}: the name must end in .ndjson, .jsonl, .csv or .tsv, with or without .gz`,
    { details: { file } },
  )
}

interface CurrentFile {
  readonly path: string
  /** Null where nobody asks for it: it costs reading the file twice. */
  readonly hash: string | null
  readonly progress: () => Pick<FileProgress, 'bytesRead' | 'bytesTotal'>
  row: number
  rowsDone: number
  readonly rowsDoneBefore: number
}

class FileRun {
  readonly #options: FileIngestOptions
  readonly #type: AvroType
  readonly #recordBytesMax: number
  readonly #startMs: number
  readonly #sender: RecordSender
  #file: CurrentFile | null = null
  #rows = 0
  #rowsDone = 0
  #rowsSkipped = 0

  constructor(options: FileIngestOptions) {
    this.#options = options
    this.#type = parseAvro(options.topic.schema)
    this.#recordBytesMax = options.recordBytesMax ?? recordBytesMaxDefault
    this.#startMs = options.clock.monotonicMs()
    this.#sender = new RecordSender({
      ingest: options.ingest,
      clock: options.clock,
      topic: options.topic.name,
      onError: options.onError ?? 'quarantine',
      source: 'file',
      signal: options.signal,
      onBatch: (batch) => {
        this.#batchDone(batch.length)
      },
    })
  }

  async read(path: string, form: FileForm): Promise<void> {
    const { checkpoints, topic, identityField } = this.#options
    const hashed =
      checkpoints !== undefined || topic.keyOf === undefined || identityField !== undefined
    const hash = hashed ? await rowsHash(path) : null
    const opened = openFile(path)
    const rowsDoneBefore = hash === null ? 0 : (checkpoints?.rowsDone(hash) ?? 0)
    this.#file = {
      path,
      hash,
      progress: () => ({ bytesRead: opened.bytesRead(), bytesTotal: opened.bytesTotal }),
      row: 0,
      rowsDone: rowsDoneBefore,
      rowsDoneBefore,
    }
    if (form === 'lines') await this.#readLines(opened.chunks)
    else await this.#readTable(opened.chunks, path)
    // A batch belongs to one file, so that its checkpoint is the file's.
    await this.#sender.flush()
    this.#report()
  }

  report(): FileIngestReport {
    return { ...this.#sender.totals, rows: this.#rows, rowsSkipped: this.#rowsSkipped }
  }

  async #readLines(chunks: AsyncIterable<Buffer>): Promise<void> {
    for await (const found of lines(chunks, this.#recordBytesMax)) {
      for (const line of found) {
        if (isBlank(line)) continue
        const sent = this.#add(line.number, line.length, () => this.#recordOfLine(line))
        if (sent !== undefined) await sent
      }
    }
  }

  async #readTable(chunks: AsyncIterable<Buffer>, path: string): Promise<void> {
    const { header, rows } = await openTable(chunks, path, this.#recordBytesMax)
    const headers: Headers = [
      [columnsHeader, Buffer.from(JSON.stringify(header.columns))],
      [delimiterHeader, Buffer.from(header.delimiter)],
    ]
    for await (const found of rows) {
      for (const row of found) {
        const record = () => this.#recordOfRow(row, header, headers)
        const sent = this.#add(row.line, row.bytes?.length ?? 0, record)
        if (sent !== undefined) await sent
      }
    }
  }

  #add(
    line: number,
    bytes: number,
    recordOf: () => Pick<IngestRecord, 'content' | 'original'>,
  ): Promise<void> | undefined {
    const file = this.#file
    assert(file !== null, 'a row belongs to a file')
    file.row++
    if (file.row <= file.rowsDoneBefore) {
      this.#rowsSkipped++
      return undefined
    }
    this.#rows++
    return this.#sender.add(this.#identified(file, recordOf(), line), bytes + 64)
  }

  #identified(
    file: CurrentFile,
    record: Pick<IngestRecord, 'content' | 'original'>,
    line: number,
  ): IngestRecord {
    const location = `${file.path}:${line}`
    const { topic, identityField } = this.#options
    if (file.hash === null) return { ...record, location }
    const identity = `${file.hash}:${file.row}`
    const content =
      identityField === undefined ? record.content : withIdentity(record, identityField, identity)
    if (topic.keyOf !== undefined) return { ...record, content, location }
    return {
      ...record,
      content,
      location,
      key: { form: 'json', json: identity },
      headers: [[rowHeader, Buffer.from(identity)]],
    }
  }

  #recordOfLine({ bytes, length }: Line): Pick<IngestRecord, 'content' | 'original'> {
    if (length <= this.#recordBytesMax) {
      // As it came, whatever identity the row is given.
      const original = { format: 'json', value: bytes, key: null } as const
      return { content: { form: 'text', bytes }, original }
    }
    return unreadable('RECORD_TOO_LARGE', this.#tooLong(length))
  }

  #recordOfRow(
    { bytes, cells, fault }: TableRow,
    { columns }: TableHeader,
    headers: Headers,
  ): Pick<IngestRecord, 'content' | 'original'> {
    const original = { format: 'csv', value: bytes, key: null, headers } as const
    if (cells === null) return { ...unreadable('SCHEMA_REFUSED', fault), original }
    if (cells.length !== columns.length) {
      const reason = `the row has ${cells.length} cells, the header ${columns.length}`
      return { ...unreadable('SCHEMA_REFUSED', reason), original }
    }
    return { content: { form: 'json', json: jsonOfCells(this.#type, columns, cells) }, original }
  }

  #tooLong(length: number): string {
    return (
      `a line of ${length} bytes, more than recordBytesMax, ${this.#recordBytesMax}; ` +
      'raise recordBytesMax (TIDEMARK_RECORD_BYTES_MAX)'
    )
  }

  #batchDone(rows: number): void {
    const file = this.#file
    assert(file !== null, 'a batch belongs to a file')
    file.rowsDone += rows
    this.#rowsDone += rows
    if (file.hash !== null) this.#options.checkpoints?.save(file.hash, file.rowsDone)
    this.#report()
  }

  #report(): void {
    const { onProgress, clock } = this.#options
    if (onProgress === undefined || this.#file === null) return
    const seconds = (clock.monotonicMs() - this.#startMs) / 1000
    onProgress({
      file: this.#file.path,
      ...this.#file.progress(),
      rows: this.#rowsDone,
      rowsPerSecond: seconds > 0 ? this.#rowsDone / seconds : 0,
    })
  }
}

function unreadable(
  code: 'RECORD_TOO_LARGE' | 'SCHEMA_REFUSED',
  reason: string,
): Pick<IngestRecord, 'content'> {
  return { content: { form: 'unreadable', code, faults: [{ path: '', reason }] } }
}

/** Only a row that leaves the field out gets the row's identity in it. */
function withIdentity(
  { content }: Pick<IngestRecord, 'content'>,
  field: string,
  identity: string,
): IngestRecord['content'] {
  const json =
    content.form === 'json' ? content.json : content.form === 'text' ? parsed(content.bytes) : null
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return content
  const row = json as Readonly<Record<string, unknown>>
  return (row[field] ?? '') === '' ? { form: 'json', json: { ...row, [field]: identity } } : content
}

/** Null where it is not JSON: admission says so. */
function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
}
