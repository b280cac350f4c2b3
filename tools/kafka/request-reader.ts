/**
 * Which requests pass in what a client sends to a broker: each is its size (int32) and a header that begins with
 * API key (int16), API version (int16), correlation id (int32) and client id (nullable string), in every version of
 * the header since 1 (Kafka protocol guide, "Request Header").
 */

export interface PassingRequest {
  readonly apiKey: number
  readonly clientId: string
}

export interface SightedRequest {
  readonly request: PassingRequest
  /** In the chunk; the request itself is not over there, so that the broker cannot act on what is before it. */
  readonly end: number
}

const sizeBytes = 4
const clientIdAt = sizeBytes + 8
const clientIdLengthBytes = 2

export class RequestReader {
  /** Of the request that is passing. */
  #header: Buffer = Buffer.alloc(0)
  /** Of the request that is passing, once its header is known. */
  #leftBytes = 0

  /** The requests whose headers end in this chunk. */
  take(chunk: Buffer): SightedRequest[] {
    const sighted: SightedRequest[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#leftBytes > 0) {
        const passed = Math.min(this.#leftBytes, chunk.length - at)
        this.#leftBytes -= passed
        at += passed
        continue
      }
      const wanted = this.#wantedBytes()
      const part = chunk.subarray(at, at + wanted - this.#header.length)
      this.#header = Buffer.concat([this.#header, part])
      at += part.length
      if (this.#header.length < this.#wantedBytes()) continue
      sighted.push({ request: requestOf(this.#header), end: at })
      this.#leftBytes = sizeBytes + this.#header.readInt32BE(0) - this.#header.length
      this.#header = Buffer.alloc(0)
    }
    return sighted
  }

  #wantedBytes(): number {
    const fixed = clientIdAt + clientIdLengthBytes
    if (this.#header.length < fixed) return fixed
    return fixed + Math.max(0, this.#header.readInt16BE(clientIdAt))
  }
}

function requestOf(header: Buffer): PassingRequest {
  return {
    apiKey: header.readInt16BE(sizeBytes),
    clientId: header.toString('utf8', clientIdAt + clientIdLengthBytes),
  }
}
