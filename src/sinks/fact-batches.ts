/** How facts are gathered into batches, by where they go. */
export interface FactBatches {
  /** A batch of so many leaves as soon as the one before it is written; a smaller one waits for `ageMaxMs`. */
  readonly rowsMin: number
  readonly rowsMax: number
  /** Of undecoded keys and values. */
  readonly bytesMax: number
  /** How long the first fact of a batch waits for others. */
  readonly ageMaxMs: number
  readonly fetchBytesMax: number
}

/** The engine in this process: facts are queryable at once, and a part costs little. Columns of bytes take three times as
 * much as text, and as much again while the engine reads them, in this process too. */
export const embeddedBatches: FactBatches = {
  rowsMin: 50_000,
  rowsMax: 50_000,
  bytesMax: 8 * 1024 * 1024,
  ageMaxMs: 200,
  fetchBytesMax: 4 * 1024 * 1024,
}

/** A server, which every instance writes to: few and large parts. Rows take several times the bytes that they had
 * undecoded, in a heap that all consumers share: of long rows a batch has fewer. */
export const serverBatches: FactBatches = {
  rowsMin: 10_000,
  rowsMax: 100_000,
  bytesMax: 8 * 1024 * 1024,
  ageMaxMs: 1_000,
  fetchBytesMax: 4 * 1024 * 1024,
}
