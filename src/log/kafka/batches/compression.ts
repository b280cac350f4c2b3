/** The compressions that a record batch of Kafka may have. */
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

import {
  lz4Compress,
  lz4Decompress,
  snappyCompress,
  snappyDecompress,
} from '@platformatic/wasm-utils'

import type { BatchFormat } from '../../encoded-log.ts'
import { corruptBatch } from './batch-header.ts'

/** Their numbers in a batch's attributes. */
const codes = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

/** A batch that claims to be more is not one that a broker takes. */
const uncompressedBytesMax = 256 * 1024 * 1024
/** Java's snappy stream: this, two versions, then blocks with their lengths. */
const snappyStreamMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const snappyStreamHeaderBytes = 16

export function compressionCode(compression: BatchFormat['compression']): number {
  return codes[compression]
}

export function compress(bytes: Buffer, compression: BatchFormat['compression']): Buffer {
  switch (compression) {
    case 'none':
      return bytes
    case 'gzip':
      return gzipSync(bytes)
    case 'snappy':
      return snappyCompress(bytes)
    case 'lz4':
      return lz4Compress(bytes)
    case 'zstd':
      return zstdCompressSync(bytes)
  }
}

/** @throws TidemarkError DATA_DIR_CORRUPT */
export function decompress(bytes: Buffer, code: number): Buffer {
  const options = { maxOutputLength: uncompressedBytesMax }
  try {
    switch (code) {
      case codes.none:
        return bytes
      case codes.gzip:
        return gunzipSync(bytes, options)
      case codes.snappy:
        return decompressSnappy(bytes)
      case codes.lz4:
        return lz4Decompress(bytes)
      case codes.zstd:
        return zstdDecompressSync(bytes, options)
    }
  } catch (cause) {
    throw corruptBatch('its compressed records are damaged', cause)
  }
  throw corruptBatch(`its compression ${code} is not known to this release`)
}

function decompressSnappy(bytes: Buffer): Buffer {
  if (bytes.compare(snappyStreamMagic, 0, 8, 0, Math.min(8, bytes.length)) !== 0) {
    return snappyDecompress(bytes)
  }
  const blocks: Buffer[] = []
  for (let at = snappyStreamHeaderBytes; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at)
    if (end > bytes.length) throw new RangeError('a snappy block is cut off')
    blocks.push(snappyDecompress(bytes.subarray(at + 4, end)))
    at = end
  }
  return Buffer.concat(blocks)
}
