/**
 * ClickHouse's own frames, asked for by `compress=1` (clickhouse-go with LZ4 or ZSTD, clickhouse-client): checksum
 * (16 bytes, CityHash128 of the rest), method (1), size with this header (4), size of the data (4), data.
 * Readers take any method; ours is ZSTD, because Node has it, so the checksum runs over fewer bytes.
 */
import { zstdCompressSync } from 'node:zlib'
import { cityHash128 } from './city-hash.ts'

const zstdMethod = 0x90
const checksumBytes = 16
const headerBytes = 9
/** ClickHouse's `max_compress_block_size`. */
const dataBytesMax = 1024 * 1024

export async function* compressedFrames(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    for (let from = 0; from < chunk.length; from += dataBytesMax) {
      yield compressedFrame(chunk.subarray(from, from + dataBytesMax))
    }
  }
}

export function compressedFrame(data: Uint8Array): Buffer {
  const packed = zstdCompressSync(data)
  const frame = Buffer.allocUnsafe(checksumBytes + headerBytes + packed.length)
  frame[checksumBytes] = zstdMethod
  frame.writeUInt32LE(headerBytes + packed.length, checksumBytes + 1)
  frame.writeUInt32LE(data.length, checksumBytes + 5)
  packed.copy(frame, checksumBytes + headerBytes)
  const [low, high] = cityHash128(frame.subarray(checksumBytes))
  frame.writeBigUInt64LE(low, 0)
  frame.writeBigUInt64LE(high, 8)
  return frame
}
