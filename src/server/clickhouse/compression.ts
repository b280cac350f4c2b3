/** HTTP compression of both directions. ClickHouse compresses an answer where `enable_http_compression` is set. */
import type { Transform } from 'node:stream'
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { ClickHouseFailure } from '../../sinks/clickhouse/failure.ts'

type Decompress = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>

const decompressors: Readonly<Record<string, Decompress>> = {
  gzip: promisify<Buffer, { maxOutputLength: number }, Buffer>(zlib.gunzip),
  deflate: promisify<Buffer, { maxOutputLength: number }, Buffer>(zlib.inflate),
  br: promisify<Buffer, { maxOutputLength: number }, Buffer>(zlib.brotliDecompress),
  zstd: promisify<Buffer, { maxOutputLength: number }, Buffer>(zlib.zstdDecompress),
}

/** @throws ClickHouseFailure where the encoding is unknown, the bytes are broken or too many come out */
export async function decompressed(
  bytes: Buffer,
  encoding: string | null,
  bytesMax: number,
): Promise<Buffer> {
  if (encoding === null || encoding === '' || encoding === 'identity') return bytes
  const decompress = decompressors[encoding.toLowerCase()]
  if (decompress === undefined) {
    throw new ClickHouseFailure(
      48,
      'NOT_IMPLEMENTED',
      `Unknown Content-Encoding '${encoding}': use gzip, deflate, br or zstd`,
    )
  }
  try {
    return await decompress(bytes, { maxOutputLength: bytesMax })
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(bytesMax)
    throw new ClickHouseFailure(117, 'INCORRECT_DATA', `The body is not ${encoding}`, thrown)
  }
}

export function tooLarge(bytesMax: number): ClickHouseFailure {
  return new ClickHouseFailure(
    66,
    'QUERY_IS_TOO_LARGE',
    `The query is larger than ${bytesMax} bytes`,
  )
}

export interface ResponseEncoding {
  readonly name: 'br' | 'gzip' | 'deflate' | 'zstd'
  create(): Transform
}

/** In ClickHouse's order of preference. */
const encodings: readonly ResponseEncoding[] = [
  {
    name: 'br',
    create: () =>
      zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 3 } }),
  },
  { name: 'gzip', create: () => zlib.createGzip({ level: 3 }) },
  { name: 'deflate', create: () => zlib.createDeflate({ level: 3 }) },
  { name: 'zstd', create: () => zlib.createZstdCompress() },
]

/** What the client can read, or null for none. */
export function responseEncoding(accept: string | null): ResponseEncoding | null {
  const accepted = new Set<string>()
  for (const part of (accept ?? '').split(',')) {
    const [name = '', ...options] = part
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/)
    if (!options.some((option) => /^q=0(\.0*)?$/.test(option))) accepted.add(name)
  }
  return encodings.find(({ name }) => accepted.has(name)) ?? null
}
