/**
 * The queue before the single writer of one transactional id. What is committed while a transaction is under way waits
 * and goes into the next one, so that many tasks share one Kafka transaction.
 *
 *  1. A caller is told of success only once the coordinator has confirmed the commit that holds its content.
 *  2. What is refused of one caller aborts the transaction of all, and the others go again at once without it.
 *  3. A transaction that is known to be aborted is tried again; one whose outcome is unknown never.
 *  4. Once fenced, everything that waits and comes is refused.
 */
import { TidemarkError } from '../../../core/errors.ts'
import type { ContentWriter } from './content-writer.ts'
import { mergeContents } from './merged-content.ts'
import type { CommitJob } from './merged-content.ts'
import { abortedError } from './transaction-reactions.ts'

export interface TransactionLimits {
  /** One Kafka transaction takes no further caller beyond these. */
  readonly transactionBytesMax: number
  readonly transactionCallersMax: number
  /** Beyond these a commit is refused with BACK_PRESSURE. */
  readonly waitingBytesMax: number
  readonly waitingCallersMax: number
  /** How often content goes again whose transaction was aborted by what passes. */
  readonly attemptsMax: number
}

export interface TransactionStats {
  readonly transactions: number
  readonly callers: number
  readonly aborts: number
  readonly waitingCallers: number
  readonly waitingBytes: number
}

export class TransactionManager {
  readonly #writer: ContentWriter
  readonly #limits: TransactionLimits
  #queue: CommitJob[] = []
  #queuedBytes = 0
  /** Who waits for `ready`, and goes before what is committed. */
  #preparations: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = []
  #running: Promise<void> | null = null
  #closed = false
  #transactions = 0
  #callers = 0
  #aborts = 0

  constructor(writer: ContentWriter, limits: TransactionLimits) {
    this.#writer = writer
    this.#limits = limits
  }

  get isFenced(): boolean {
    return this.#writer.state === 'fenced'
  }

  stats(): TransactionStats {
    return {
      transactions: this.#transactions,
      callers: this.#callers,
      aborts: this.#aborts,
      waitingCallers: this.#queue.length,
      waitingBytes: this.#queuedBytes,
    }
  }

  /** Every earlier producer of the id is fenced, and nothing is open of which the outcome is unknown. Waits for no
   * transaction of others. @throws TidemarkError PRODUCER_FENCED | KAFKA_REFUSED | KAFKA_UNREACHABLE */
  async prepare(): Promise<void> {
    if (this.#writer.state === 'ready') return
    await new Promise<void>((resolve, reject) => {
      this.#preparations.push({ resolve, reject })
      this.#wake()
    })
  }

  submit(job: CommitJob): void {
    const { waitingBytesMax, waitingCallersMax } = this.#limits
    if (this.#closed) {
      job.fail(new TidemarkError('INSTANCE_NOT_RUNNING', 'the log is closed'))
    } else if (
      this.#queue.length >= waitingCallersMax ||
      (this.#queue.length > 0 && this.#queuedBytes + job.bytes > waitingBytesMax)
    ) {
      job.fail(backPressure(this.#writer.name, this.#limits))
    } else {
      this.#queue.push(job)
      this.#queuedBytes += job.bytes
      this.#wake()
    }
  }

  /** Resolves when nothing is under way: what was submitted before has been told its outcome. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running
  }

  /** Writes what was submitted, then refuses what comes. */
  async close(): Promise<void> {
    this.#closed = true
    await this.idle()
  }

  #wake(): void {
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    // The rest of this turn may submit more.
    await Promise.resolve()
    while (this.#queue.length + this.#preparations.length > 0) {
      if (this.#preparations.length > 0) await this.#settlePreparations()
      if (this.#queue.length > 0) await this.#commitAll(this.#takeGroup())
    }
    this.#running = null
  }

  async #settlePreparations(): Promise<void> {
    const waiting = this.#preparations
    this.#preparations = []
    try {
      await this.#writer.prepare()
      for (const { resolve } of waiting) resolve()
    } catch (thrown) {
      for (const { reject } of waiting) reject(thrown)
    }
  }

  #takeGroup(): CommitJob[] {
    const { transactionBytesMax, transactionCallersMax } = this.#limits
    let count = 0
    let bytes = 0
    while (
      count < this.#queue.length &&
      count < transactionCallersMax &&
      bytes < transactionBytesMax
    ) {
      bytes += this.#queue[count]?.bytes ?? 0
      count++
    }
    this.#queuedBytes -= bytes
    return this.#queue.splice(0, count)
  }

  /** Every job is told its outcome. */
  async #commitAll(group: readonly CommitJob[]): Promise<void> {
    let jobs = group
    let attempts = 0
    for (;;) {
      jobs = refuseSome(jobs, (job) => job.refusal())
      if (jobs.length === 0) return
      const outcome = await this.#writer.write(mergeContents(jobs))
      switch (outcome.kind) {
        case 'committed':
          this.#transactions++
          jobs = refuseSome(jobs, (job) => outcome.refusals.get(job) ?? null)
          this.#callers += jobs.length
          for (const job of jobs) job.settle(job.content.results())
          return
        case 'refused':
          this.#aborts++
          jobs = refuseSome(jobs, (job) => outcome.refusals.get(job) ?? null)
          break
        case 'aborted':
          this.#aborts++
          if (++attempts < this.#limits.attemptsMax) break
          failAll(jobs, abortedError(this.#writer.name, outcome.cause))
          return
        case 'over':
          this.#aborts++
          failAll(jobs, outcome.error)
          return
      }
    }
  }
}

/** Fails those that have a refusal, and returns the others. */
function refuseSome(
  jobs: readonly CommitJob[],
  refusalOf: (job: CommitJob) => unknown,
): CommitJob[] {
  return jobs.filter((job) => {
    const refusal = refusalOf(job)
    if (refusal !== null) job.fail(refusal)
    return refusal === null
  })
}

function failAll(jobs: readonly CommitJob[], error: unknown): void {
  for (const job of jobs) job.fail(error)
}

function backPressure(name: string, limits: TransactionLimits): TidemarkError {
  return new TidemarkError(
    'BACK_PRESSURE',
    `transactional id ${name}: ${limits.waitingCallersMax} commits or ${limits.waitingBytesMax} bytes wait already`,
  )
}
