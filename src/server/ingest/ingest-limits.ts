export interface IngestLimits {
  /** Of a body that is read whole. */
  readonly bodyBytesMax: number
  /** Of a body of lines, which is taken in batches as it comes. */
  readonly streamBytesMax: number
  /** Of a line, before it is parsed. */
  readonly recordBytesMax: number
  readonly recordsMax: number
  /** Bodies being read at the same time, together. */
  readonly inFlightBytesMax: number
  /** A client that sends nothing for so long is given up. */
  readonly bodyIdleMsMax: number
}

const mebibyte = 1024 * 1024

export const defaultIngestLimits: IngestLimits = {
  bodyBytesMax: 16 * mebibyte,
  streamBytesMax: 16 * 1024 * mebibyte,
  recordBytesMax: mebibyte,
  recordsMax: 100_000,
  inFlightBytesMax: 128 * mebibyte,
  bodyIdleMsMax: 30_000,
}
