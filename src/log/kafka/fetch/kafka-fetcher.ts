/**
 * Fetch from the leaders of the partitions: one request a leader, which waits there for the first record. What the
 * first of them answers is given out; the answers of the others are there for the next call.
 */
import type { Clock } from '../../../core/clock.ts'
import { pause } from '../../../core/clock.ts'
import type { TopicPartition } from '../../../core/record.ts'
import { topicPartitionId } from '../../../core/record.ts'
import type { FetchedBatches } from '../../encoded-log.ts'
import type { FetchPartition, FetchRequest } from '../../log.ts'
import { backOffMs } from '../connections/back-off.ts'
import { exhausted, isMisdirected, isRetriable } from '../connections/failures.ts'
import type { BrokerId, KafkaCluster } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'
import type { WaitingFetch } from './broker-fetches.ts'
import { BrokerFetches } from './broker-fetches.ts'
import { answerFailure, partitionUnknown } from './fetch-failures.ts'
import type { FetchAnswer } from './fetch-request.ts'
import { visibleBatches } from './visible-batches.ts'

export interface KafkaFetcherOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  readonly random: () => number
  /** How long a partition may fail before the caller is told. */
  readonly giveUpAfterMs: number
}

/** A broker is never asked to wait longer, so that no request outlives a leader for long. */
const brokerWaitMaxMs = 5_000

type Watermarks = Pick<FetchedBatches, 'logStartOffset' | 'highWatermark' | 'lastStableOffset'>

/** One call of `fetch`, over all its tries. */
interface Call {
  readonly request: FetchRequest
  readonly signal: AbortSignal
  readonly results: Map<string, FetchedBatches>
  /** Something was found: the caller need not wait longer. */
  found: boolean
  /** What passes, of the last try; null where all partitions were answered. */
  failure: unknown
}

export class KafkaFetcher {
  readonly #options: KafkaFetcherOptions
  readonly #fetches: BrokerFetches
  /** As last told, for partitions whose answer a caller does not wait for. */
  readonly #watermarks = new Map<string, Watermarks>()
  readonly #failingSinceMs = new Map<string, number>()
  readonly #closing = new AbortController()
  /** Turns with every request, so that no partition is always the one that finds the bytes used up. */
  #turn = 0

  constructor(options: KafkaFetcherOptions) {
    this.#options = options
    this.#fetches = new BrokerFetches(options.cluster, options.clock)
  }

  /** @throws TidemarkError TOPIC_UNKNOWN | PARTITION_UNKNOWN | OFFSET_OUT_OF_RANGE | KAFKA_UNREACHABLE |
   * KAFKA_REFUSED */
  async fetch(request: FetchRequest): Promise<readonly FetchedBatches[]> {
    const { clock, random } = this.#options
    const deadlineMs = clock.monotonicMs() + request.waitMaxMs
    const signal =
      request.signal === undefined
        ? this.#closing.signal
        : AbortSignal.any([this.#closing.signal, request.signal])
    const call: Call = { request, signal, results: new Map(), found: false, failure: null }
    for (let failedInARow = 0; ;) {
      const waitMs = Math.max(0, deadlineMs - clock.monotonicMs())
      call.failure = null
      const isKnown = request.partitions.every((at) => this.#watermarks.has(topicPartitionId(at)))
      try {
        await this.#ask(call, isKnown ? waitMs : 0)
      } catch (failure) {
        if (!signal.aborted) throw failure
      }
      const isOver = call.found || signal.aborted || deadlineMs <= clock.monotonicMs()
      const results = isOver ? this.#resultsOf(call) : null
      if (results !== null) return results
      if (call.failure === null) {
        failedInARow = 0
        continue
      }
      await pause(clock, backOffMs(failedInARow++, random), signal)
    }
  }

  /** Ends every wait: those fetches return what they have. */
  close(): void {
    this.#closing.abort()
    this.#fetches.close()
  }

  /** One request to each leader; returns with the first records, or when all have answered or the time is up. */
  async #ask(call: Call, waitMs: number): Promise<void> {
    const { clock } = this.#options
    const byLeader = await this.#byLeader(call)
    const { request, signal } = call
    const bytesMax = Math.max(1, Math.floor(request.bytesMax / byLeader.size))
    const waiting = new Map<WaitingFetch, readonly FetchPartition[]>()
    for (const [leader, partitions] of byLeader) {
      const fetch = this.#fetches.start(leader, {
        partitions,
        waitMaxMs: Math.min(waitMs, brokerWaitMaxMs),
        bytesMax,
        bytesPerPartitionMax: request.bytesPerPartitionMax,
        isolation: request.isolation,
      })
      waiting.set(fetch, partitions)
    }
    const enough = new AbortController()
    const stop = AbortSignal.any([signal, enough.signal])
    // Who does not wait is answered at once by every leader, and wants all the answers.
    const timeIsUp = pause(clock, waitMs === 0 ? brokerWaitMaxMs * 10 : waitMs, stop)
    const time = { isUp: false }
    const late = timeIsUp.then(() => {
      time.isUp = true
    })
    try {
      while (waiting.size > 0 && !time.isUp && !(call.found && waitMs > 0)) {
        await Promise.race([late, ...[...waiting.keys()].map(({ answered }) => answered)])
        for (const [fetch, partitions] of waiting) {
          if (fetch.outcome === null) continue
          waiting.delete(fetch)
          this.#fetches.take(fetch)
          this.#takeOutcome(call, fetch.outcome, partitions)
        }
      }
    } finally {
      enough.abort()
    }
  }

  async #byLeader(call: Call): Promise<Map<BrokerId, FetchPartition[]>> {
    const { cluster } = this.#options
    const { partitions } = call.request
    const byLeader = new Map<BrokerId, FetchPartition[]>()
    if (partitions.length === 0) return byLeader
    const topics = await cluster.topics([...new Set(partitions.map(({ topic }) => topic))])
    const first = this.#turn++ % partitions.length
    for (const at of [...partitions.slice(first), ...partitions.slice(0, first)]) {
      const found = topics.get(at.topic)?.partitions.find((one) => one.partition === at.partition)
      if (found === undefined) throw partitionUnknown(at)
      if (found.leader === null) {
        this.#failed(call, at, new ProtocolError(5, 'Fetch', topicPartitionId(at)))
        continue
      }
      const led = byLeader.get(found.leader)
      if (led === undefined) byLeader.set(found.leader, [at])
      else led.push(at)
    }
    return byLeader
  }

  #takeOutcome(
    call: Call,
    outcome: NonNullable<WaitingFetch['outcome']>,
    partitions: readonly FetchPartition[],
  ): void {
    if (outcome.kind === 'failure') {
      for (const at of partitions) this.#failed(call, at, outcome.failure)
      return
    }
    const answers = new Map(outcome.response.partitions.map((one) => [topicPartitionId(one), one]))
    for (const at of partitions) {
      const answer = answers.get(topicPartitionId(at))
      const code = outcome.response.code === 0 ? answer?.code : outcome.response.code
      if (answer === undefined || code !== 0) this.#failed(call, at, answerFailure(at, code ?? 3))
      else this.#takeAnswer(call, at, answer)
    }
  }

  #takeAnswer(call: Call, at: FetchPartition, answer: FetchAnswer): void {
    const id = topicPartitionId(at)
    this.#failingSinceMs.delete(id)
    const { logStartOffset, highWatermark, lastStableOffset } = answer
    const watermarks = { logStartOffset, highWatermark, lastStableOffset }
    this.#watermarks.set(id, watermarks)
    const visible = visibleBatches(answer, at.offset, call.request.isolation)
    if (visible.nextOffset > at.offset) call.found = true
    call.results.set(id, resultOf(at, watermarks, visible))
  }

  /** What passes is remembered, the rest is thrown; so is what passes, where it does not for too long. */
  #failed(call: Call, at: TopicPartition, failure: unknown): void {
    const { cluster, clock, giveUpAfterMs } = this.#options
    if (call.signal.aborted) return
    if (isMisdirected(failure)) cluster.forgetTopics([at.topic])
    const id = topicPartitionId(at)
    const nowMs = clock.monotonicMs()
    const sinceMs = this.#failingSinceMs.get(id) ?? nowMs
    this.#failingSinceMs.set(id, sinceMs)
    if (!isRetriable(failure) || nowMs - sinceMs > giveUpAfterMs) {
      this.#failingSinceMs.delete(id)
      throw exhausted(failure, giveUpAfterMs)
    }
    call.failure = failure
  }

  /** Null where nothing can be said yet about a partition, not even where it ends. */
  #resultsOf(call: Call): readonly FetchedBatches[] | null {
    const results: FetchedBatches[] = []
    for (const at of call.request.partitions) {
      const id = topicPartitionId(at)
      const found = call.results.get(id)
      const watermarks = this.#watermarks.get(id)
      if (found !== undefined) results.push(found)
      else if (watermarks !== undefined) results.push(staleOf(at, watermarks))
      // Whoever raised the signal does not look at it.
      else if (call.signal.aborted) results.push(staleOf(at, nowhere(at)))
      else return null
    }
    return results
  }
}

function resultOf(
  { topic, partition, offset }: FetchPartition,
  watermarks: Watermarks,
  { batches, nextOffset }: Pick<FetchedBatches, 'batches' | 'nextOffset'>,
): FetchedBatches {
  return { topic, partition, fetchOffset: offset, batches, nextOffset, ...watermarks }
}

/** Of a partition that was not answered. */
function staleOf(at: FetchPartition, watermarks: Watermarks): FetchedBatches {
  const nothing = { batches: [], nextOffset: at.offset }
  return { ...resultOf(at, watermarks, nothing), isStale: true }
}

function nowhere({ offset }: FetchPartition): Watermarks {
  return { logStartOffset: offset, highWatermark: offset, lastStableOffset: offset }
}
