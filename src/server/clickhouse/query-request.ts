/** What a request asks, read as ClickHouse's HTTP handler reads it. */
import { ClickHouseFailure } from '../../sinks/clickhouse/failure.ts'
import { decompressed, tooLarge } from './compression.ts'

export interface QueryRequest {
  readonly sql: string
  /** URL parameters, and those of a multipart body. */
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
  const body = await readBody(request, bytesMax)
  const bytes = await decompressed(body, request.headers.get('content-encoding'), bytesMax)
  const type = request.headers.get('content-type') ?? ''
  if (/^multipart\/form-data/i.test(type)) return await readForm(bytes, type, search)
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
  for await (const chunk of request.body) {
    length += chunk.length
    if (length > bytesMax) throw tooLarge(bytesMax)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Long parameters come as fields of a form; other fields would be external tables, which readers have not. */
async function readForm(
  bytes: Buffer,
  type: string,
  search: URLSearchParams,
): Promise<QueryRequest> {
  const form = await new Response(new Uint8Array(bytes), {
    headers: { 'content-type': type },
  }).formData()
  let sql = search.get('query') ?? ''
  for (const [name, value] of form) {
    const text = typeof value === 'string' ? value : await value.text()
    if (name === 'query') sql = [sql, text].filter((part) => part !== '').join('\n')
    else if (name.startsWith('param_')) search.set(name, text)
    else {
      throw new ClickHouseFailure(164, 'READONLY', 'External tables are not taken in readonly mode')
    }
  }
  return { sql, search }
}
