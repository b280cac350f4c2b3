/**
 * One table into a file: the current rows, as ClickHouse encodes them.
 *
 *  1. A file has its name when it is whole; until then it is `FILE.partial`, which a failure removes.
 *  2. CSV and JSON are streamed. A Parquet file has its index at its end, so the engine holds it whole: beyond
 *     `parquetBytesMax` of rows there are several, `NAME-0.parquet` and so on, each of them whole, with every row in one.
 */
import { createWriteStream, existsSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { TidemarkError } from '../core/errors.ts'

export const exportFormats = ['parquet', 'csv', 'json'] as const
export type ExportFormat = (typeof exportFormats)[number]

export interface TableExport {
  /** ClickHouse's HTTP interface. */
  readonly clickhouse: (path: string, init?: RequestInit) => Promise<Response>
  /** `DATABASE.TABLE`. */
  readonly table: string
  /** `json`: an object a line. */
  readonly format: ExportFormat
  readonly path: string
  /** True: files of these names are replaced. */
  readonly overwrite: boolean
  /** Of rows in memory, as ClickHouse counts them. */
  readonly parquetBytesMax?: number
  readonly onFile?: (done: number, total: number) => void
}

export interface ExportedTable {
  /** As counted just before. */
  readonly rows: number
  readonly files: readonly string[]
}

const parquetBytesMaxDefault = 32 * 1024 * 1024
const tailBytes = 4096

/** @throws TidemarkError REQUEST_INVALID | QUERY_FAILED | SOURCE_UNREADABLE where a file of the name is there */
export async function exportTable(options: TableExport): Promise<ExportedTable> {
  const { format, path, overwrite, parquetBytesMax = parquetBytesMaxDefault } = options
  const table = quoted(options.table)
  const size = await sizeOf(options, table)
  const parts = format === 'parquet' ? Math.max(1, Math.ceil(size.bytes / parquetBytesMax)) : 1
  const files = parts === 1 ? [path] : Array.from({ length: parts }, (_, at) => partPath(path, at))
  const there = overwrite ? undefined : files.find((file) => existsSync(file))
  if (there !== undefined) {
    throw new TidemarkError(
      'SOURCE_UNREADABLE',
      `${there} is there already: name another file, or give --overwrite`,
    )
  }
  await mkdir(dirname(path), { recursive: true })
  const key = parts === 1 ? '' : await keyOf(options)
  for (const [part, file] of files.entries()) {
    const where = parts === 1 ? '' : ` WHERE cityHash64(${key}) % ${parts} = ${part}`
    await writeFile(options, `SELECT * FROM ${table}${where}`, file)
    options.onFile?.(part + 1, parts)
  }
  return { rows: size.rows, files }
}

async function writeFile(options: TableExport, select: string, path: string): Promise<void> {
  const partial = `${path}.partial`
  try {
    switch (options.format) {
      case 'csv':
        // The engine streams CSV without its header only.
        await append(options, `${select} LIMIT 0 FORMAT CSVWithNames`, partial, 'w')
        await append(options, `${select} FORMAT CSV`, partial, 'a')
        break
      case 'json':
        await append(options, `${select} FORMAT JSONEachRow`, partial, 'w')
        break
      case 'parquet':
        await append(options, `${select} FORMAT Parquet`, partial, 'w')
    }
    await synced(partial)
    await rename(partial, path)
  } catch (thrown) {
    await rm(partial, { force: true })
    throw thrown
  }
}

async function append(
  options: TableExport,
  query: string,
  path: string,
  flags: 'w' | 'a',
): Promise<void> {
  const response = await ask(options, query)
  const body = response.body ?? new ReadableStream()
  await pipeline(Readable.fromWeb(body as never), createWriteStream(path, { flags }))
  await refuseFailed(path, response.headers.get('x-clickhouse-exception-tag'))
}

/** A query that fails half-way has begun its answer already, and says so at the end of it. */
async function refuseFailed(path: string, tag: string | null): Promise<void> {
  if (tag === null) return
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const length = Math.min(size, tailBytes)
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length)
    const tail = buffer.toString('utf8')
    if (!tail.endsWith(`${tag}\r\n__exception__\r\n`)) return
    const told = tail.split(`${tag}\r\n`).at(-2) ?? tail
    throw new TidemarkError('QUERY_FAILED', told.trim().replace(/\n\d+ $/, ''))
  } finally {
    await file.close()
  }
}

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

async function sizeOf(
  options: TableExport,
  table: string,
): Promise<{ readonly rows: number; readonly bytes: number }> {
  const response = await ask(
    options,
    `SELECT toFloat64(count()) AS rows, toFloat64(sum(byteSize(*))) AS bytes FROM ${table} FORMAT JSONEachRow`,
  )
  return (await response.json()) as { rows: number; bytes: number }
}

/** What a row keeps while it changes, so that it stays in its part. */
async function keyOf(options: TableExport): Promise<string> {
  const [database = '', table = ''] = options.table.split('.')
  const response = await ask(
    options,
    `SELECT name FROM system.columns WHERE database = '${database}' AND table = '${table}_versions'
       AND is_in_sorting_key ORDER BY position FORMAT JSONEachRow`,
  )
  const lines = (await response.text()).split('\n').filter((line) => line !== '')
  const names = lines.map((line) => `\`${(JSON.parse(line) as { name: string }).name}\``)
  return names.length === 0 ? '*' : names.join(', ')
}

async function ask({ clickhouse }: TableExport, body: string): Promise<Response> {
  const response = await clickhouse('/?output_format_parquet_compression_method=snappy', {
    method: 'POST',
    body,
  })
  if (!response.ok) throw new TidemarkError('QUERY_FAILED', (await response.text()).trim())
  return response
}

function quoted(name: string): string {
  const match = /^(\w+)\.(\w+)$/.exec(name)
  if (match !== null) return `\`${match[1] ?? ''}\`.\`${match[2] ?? ''}\``
  throw new TidemarkError(
    'REQUEST_INVALID',
    `${JSON.stringify(name)}: write DATABASE.TABLE, as mcq.test_summary_fact`,
  )
}

function partPath(path: string, part: number): string {
  return `${path.replace(/\.parquet$/, '')}-${part}.parquet`
}
