/** What a request asks, read as ClickHouse's HTTP handler reads it. */
import { ClickHouseFailure } from '../../sinks/clickhouse/failure.ts'
import { decompressed, tooLarge } from './compression.ts'

export interface QueryRequest {
  readonly sql: string
  readonly search: URLSearchParams
}

/** The query is the URL's `query`, then the body, on a line of its own. @throws ClickHouseFailure */
export async function readQuery(request: Request, bytesMax: number): Promise<QueryRequest> {
  const search = new URL(request.url).searchParams
  const inUrl = search.get('query') ?? ''
  if (request.method !== 'POST') return { sql: inUrl, search }
  if (isSet(search.get('decompress'))) {
    throw new ClickHouseFailure(
      48,
      'NOT_IMPLEMENTED',
      'decompress=1 is not supported: compress the body with a Content-Encoding',
    )
  }
  if (/^multipart\//i.test(request.headers.get('content-type') ?? '')) {
    throw new ClickHouseFailure(
      48,
      'NOT_IMPLEMENTED',
      'Forms are not supported: put param_name into the URL; there are no external tables',
    )
  }
  const body = await readBody(request, bytesMax)
  const bytes = await decompressed(body, request.headers.get('content-encoding'), bytesMax)
  const text = bytes.toString('utf8')
  return { sql: [inUrl, text].filter((part) => part !== '').join('\n'), search }
}

export function isSet(value: string | null): boolean {
  return value !== null && value !== '' && value !== '0' && value !== 'false'
}

async function readBody(request: Request, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  if (request.body === null) return Buffer.alloc(0)
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    length += chunk.length
    if (length > bytesMax) throw tooLarge(bytesMax)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
