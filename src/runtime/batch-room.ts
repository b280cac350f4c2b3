/**
 * How many records the next turn of a task may take, so that what a batch holds until its commit stays within its bytes: what
 * it has encoded, and what processors say that they hold back. What a record leaves behind is known only once it
 * is processed, so the first turn is small and the next ones go by what the last ones left.
 */
export interface BatchRoomLimits {
  readonly batchRecordsMax: number
  readonly turnRecordsMax: number
  readonly uncommittedBytesMax: number
}

/** A first turn that takes so many records holds a multiple of the bytes at worst, where each leaves a hundredth of them. */
const firstTurnRecordsMax = 100

export class BatchRoom {
  readonly #limits: BatchRoomLimits
  /** Of the last turns; null before the first. */
  #bytesPerRecord: number | null = null
  #records = 0
  /** What the processors hold back. */
  #heldBytes = 0
  #bytes = 0

  constructor(limits: BatchRoomLimits) {
    this.#limits = limits
  }

  /** Records that the next turn may take, 1 or more. */
  get turnRecordsMax(): number {
    const { batchRecordsMax, turnRecordsMax, uncommittedBytesMax } = this.#limits
    const most = Math.min(turnRecordsMax, batchRecordsMax - this.#records)
    if (this.#bytesPerRecord === null) return Math.max(Math.min(most, firstTurnRecordsMax), 1)
    if (this.#bytesPerRecord === 0) return Math.max(most, 1)
    const fitting = Math.floor((uncommittedBytesMax - this.#bytes) / this.#bytesPerRecord)
    return Math.max(Math.min(most, fitting), 1)
  }

  /** True where the batch is to be committed before anything else is taken. */
  get isUsedUp(): boolean {
    const { batchRecordsMax, uncommittedBytesMax } = this.#limits
    return this.#records >= batchRecordsMax || this.#bytes >= uncommittedBytesMax
  }

  /** Taken since the last commit. */
  get records(): number {
    return this.#records
  }

  hold(bytes: number): void {
    this.#heldBytes += bytes
  }

  /** @param encodedBytes all that the batch has encoded so far */
  took(records: number, encodedBytes: number): void {
    if (records === 0) return
    const bytes = encodedBytes + this.#heldBytes
    const perRecord = Math.max(bytes - this.#bytes, 0) / records
    // A turn of small records must not let the next one take too many large ones.
    this.#bytesPerRecord = Math.max(perRecord, (this.#bytesPerRecord ?? 0) / 2)
    this.#records += records
    this.#bytes = bytes
  }

  committed(): void {
    this.#records = 0
    this.#heldBytes = 0
    this.#bytes = 0
  }
}
