/**
 * The batches of a commit on their way to all leaders at the same time. A partition has at most
 * `batchesInFlightMax` on their way, as many as a broker remembers: one that arrives twice is then known by its
 * sequence and answered with where it is.
 */
import { assert, present } from '../../../core/assert.ts'
import { topicPartitionId } from '../../../core/record.ts'
import type { Offset, TopicName, TopicPartition } from '../../../core/record.ts'
import { stampBatch } from '../batches/batch-header.ts'
import { failureOfCode } from '../connections/failures.ts'
import type { BrokerId } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'
import type { CommitJob, MergedBatch, MergedPartition } from './merged-content.ts'
import { produceRequest } from './produce-request.ts'
import type { RequestScope } from './request-scope.ts'
import { gravest, reactionTo, refusalOf } from './transaction-reactions.ts'
import { firstProtocolMax } from './transaction-requests.ts'
import type { ProducerIdentity } from './transaction-requests.ts'

const batchesInFlightMax = 5
/** How long a leader waits for its replicas before it answers REQUEST_TIMED_OUT. */
const replicationTimeoutMs = 8_000

/** Who the batches are of. */
export interface BatchProducer {
  /** Null: outside of transactions. */
  readonly transactionalId: string | null
  /** Of transactions. */
  readonly protocol: 1 | 2
  readonly identity: ProducerIdentity
  /** The sequence of the first of `recordCount` records; the next one's follows on it. */
  takeSequence(at: TopicPartition, recordCount: number): number
}

/** One partition's batches that are not appended yet, in order. */
interface Sending {
  readonly partition: MergedPartition
  /** To a leader that may not know the producer: it would take a later batch first, and refuse the earlier one then.
   * A transaction is aborted for it; what is appended outside of one would be there twice. */
  readonly isFirstAlone: boolean
  next: number
}

/** How many batches may be on their way now. */
function windowOf({ isFirstAlone, next }: Sending): number {
  return isFirstAlone && next === 0 ? 1 : batchesInFlightMax
}

/** @returns whose records are refused; then not all of the others were sent. @throws what ends the transaction */
export async function sendBatches(
  scope: RequestScope,
  session: BatchProducer,
  partitions: readonly MergedPartition[],
): Promise<Map<CommitJob, unknown>> {
  const refusals = new Map<CommitJob, unknown>()
  let left: Sending[] = partitions.map((partition) => {
    const firstSequence = stamp(session, partition.at, partition.batches)
    const isFirstAlone = session.transactionalId === null && firstSequence === 0
    return { partition, isFirstAlone, next: 0 }
  })
  for (let failedInARow = 0; left.length > 0 && refusals.size === 0;) {
    const failures = await sendWindow(scope, session, left)
    if (scope.failure !== null) throw scope.failure.thrown
    const failure = gravestOf(failures, refusals)
    left = left.filter(({ partition, next }) => next < partition.batches.length)
    if (failure === null) {
      failedInARow = 0
      continue
    }
    scope.cluster.forgetTopics(left.map(({ partition }) => partition.at.topic))
    await scope.pauseAfter(failure, failedInARow++)
  }
  return refusals
}

/** @returns the sequence of the first record */
function stamp(
  session: BatchProducer,
  at: MergedPartition['at'],
  batches: readonly MergedBatch[],
): number | undefined {
  const { producerId, epoch } = session.identity
  const sequences = batches.map(({ batch }) => {
    const baseSequence = session.takeSequence(at, batch.recordCount)
    stampBatch(batch.bytes, {
      producerId,
      producerEpoch: epoch,
      baseSequence,
      isTransactional: session.transactionalId !== null,
    })
    return baseSequence
  })
  return sequences[0]
}

/** The first failure of each partition: those behind it follow from it. */
type Failures = Map<MergedBatch, unknown>

/** Sends the next batches of every partition and moves `next` past what was appended. */
async function sendWindow(
  scope: RequestScope,
  session: BatchProducer,
  left: readonly Sending[],
): Promise<Failures> {
  const leaders = await scope.repeat(() => leadersOf(scope, left))
  const results = new Map<MergedBatch, unknown>()
  const requests: Promise<void>[] = []
  for (let round = 0; round < batchesInFlightMax; round++) {
    const sending = left.filter((one) => round < windowOf(one))
    for (const [broker, batches] of groupByLeader(sending, leaders, round)) {
      requests.push(sendRequest(scope, session, broker, batches, results))
    }
  }
  await Promise.all(requests)
  const failures: Failures = new Map()
  for (const sending of left) {
    const { batches } = sending.partition
    const windowEnd = Math.min(sending.next + windowOf(sending), batches.length)
    while (sending.next < windowEnd) {
      const merged = present(batches[sending.next], 'a batch that was sent')
      const failure = results.get(merged)
      if (failure !== null) {
        failures.set(merged, failure)
        break
      }
      sending.next++
    }
  }
  return failures
}

async function leadersOf(
  scope: RequestScope,
  left: readonly Sending[],
): Promise<Map<string, BrokerId>> {
  const names = new Set<TopicName>(left.map(({ partition }) => partition.at.topic))
  const topics = await scope.cluster.topics([...names])
  const leaders = new Map<string, BrokerId>()
  for (const { partition } of left) {
    const { at } = partition
    const described = topics.get(at.topic)?.partitions.find((one) => one.partition === at.partition)
    if (described?.leader === undefined || described.leader === null) {
      scope.cluster.forgetTopics([at.topic])
      throw new ProtocolError(leaderNotAvailable, 'Produce', topicPartitionId(at))
    }
    leaders.set(topicPartitionId(at), described.leader)
  }
  return leaders
}

const leaderNotAvailable = 5

function groupByLeader(
  left: readonly Sending[],
  leaders: ReadonlyMap<string, BrokerId>,
  round: number,
): Map<BrokerId, MergedBatch[]> {
  const byLeader = new Map<BrokerId, MergedBatch[]>()
  for (const { partition, next } of left) {
    const merged = partition.batches[next + round]
    if (merged === undefined) continue
    const leader = present(leaders.get(topicPartitionId(partition.at)), 'a leader')
    const batches = byLeader.get(leader) ?? []
    byLeader.set(leader, batches)
    batches.push(merged)
  }
  return byLeader
}

/** Never rejects: `results` has the failure of each batch, null where it was appended. */
async function sendRequest(
  scope: RequestScope,
  session: BatchProducer,
  broker: BrokerId,
  merged: readonly MergedBatch[],
  results: Map<MergedBatch, unknown>,
): Promise<void> {
  const request = {
    transactionalId: session.transactionalId,
    timeoutMs: replicationTimeoutMs,
    batches: merged.map(({ batch }) => batch),
  }
  const options = session.protocol === 1 ? { versionMax: firstProtocolMax.produce } : {}
  try {
    const to = { kind: 'broker', id: broker } as const
    const answers = await scope.send(to, produceRequest, request, options)
    const byPartition = new Map(answers.map((answer) => [topicPartitionId(answer), answer]))
    for (const one of merged) {
      const answer = byPartition.get(topicPartitionId(one.batch))
      assert(answer !== undefined, 'Produce answers for every partition')
      if (answer.code === 0) one.batch.baseOffset = answer.baseOffset satisfies Offset
      const failure =
        answer.code === 0 ? null : failureOfCode(answer.code, 'Produce', answer.detail)
      results.set(one, failure)
      // The other requests of the transaction stop at once.
      if (failure !== null && reactionTo(failure) === 'fenced') scope.fail(failure)
    }
  } catch (thrown) {
    for (const one of merged) results.set(one, thrown)
  }
}

/** Gathers what is refused, and returns what decides about the others: null where all is well. */
function gravestOf(failures: Failures, refusals: Map<CommitJob, unknown>): unknown {
  for (const [{ batch, job }, failure] of failures) {
    if (reactionTo(failure) !== 'refuse') continue
    refusals.set(job, refusalOf(failure, topicPartitionId(batch)))
  }
  return gravest([...failures.values()].filter((failure) => reactionTo(failure) !== 'refuse'))
}
