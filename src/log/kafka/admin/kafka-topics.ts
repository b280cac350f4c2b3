/** Topics of the cluster: created, described, deleted. */
import { TidemarkError } from '../../../core/errors.ts'
import type { Partition, TopicName } from '../../../core/record.ts'
import { topicPartitionId } from '../../../core/record.ts'
import type { TopicDescription, TopicSpec } from '../../log.ts'
import { withBackOff } from '../connections/back-off.ts'
import { failureOfCode } from '../connections/failures.ts'
import { metadataRequest } from '../connections/metadata-cache.ts'
import type { KafkaCluster } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'
import type { LeaderContext } from './by-leader.ts'
import { listEdges } from './list-offsets.ts'
import {
  checkPolicies,
  configurationOf,
  describeRetention,
  type LiftedLimits,
} from './topic-configuration.ts'
import { createTopicsRequest, deleteTopicsRequest, topicTimeoutMs } from './topic-requests.ts'

const unknownTopicCode = 3

/** Creates what is missing and checks what is there; resolves when every broker knows of it.
 * @throws TidemarkError TOPIC_MISMATCH | CONFIGURATION_INVALID | KAFKA_REFUSED | KAFKA_UNREACHABLE */
export async function createTopics(
  context: LeaderContext,
  specs: readonly TopicSpec[],
  replicationFactor: number,
): Promise<void> {
  for (const spec of specs) checkSpec(spec)
  const unique = [...new Map(specs.map((spec) => [spec.name, spec])).values()]
  const existing = await partitionCounts(
    context.cluster,
    unique.map(({ name }) => name),
  )
  for (const spec of unique) checkPartitions(spec, existing.get(spec.name))
  const missing = unique.filter(({ name }) => !existing.has(name))
  await create(context, missing, replicationFactor)
  await checkPolicies(
    context,
    unique.filter(({ name }) => existing.has(name)),
  )
}

/** Of those that exist. */
async function partitionCounts(
  cluster: KafkaCluster,
  names: readonly TopicName[],
): Promise<ReadonlyMap<TopicName, number>> {
  const found = new Map<TopicName, number>()
  if (names.length === 0) return found
  const answer = await cluster.retry({ kind: 'any' }, metadataRequest, names)
  for (const { name, errorCode, partitions } of answer.topics) {
    if (errorCode === 0) found.set((name ?? '') as TopicName, partitions.length)
    else if (errorCode !== unknownTopicCode) throw failureOfCode(errorCode, 'Metadata', name)
  }
  return found
}

async function create(
  context: LeaderContext,
  specs: readonly TopicSpec[],
  replicationFactor: number,
): Promise<void> {
  if (specs.length === 0) return
  let left = specs
  for (const [attempt, limits] of liftedLimits.entries()) {
    const isLast = attempt === liftedLimits.length - 1
    if (left.length > 0) {
      left = await tryCreate(context.cluster, left, { replicationFactor, limits, isLast })
    }
  }
  await untilEveryBroker(context, specs, (spec, partitionCount) => {
    if (partitionCount !== null) checkPartitions(spec, partitionCount)
    return partitionCount !== null
  })
}

/** A broker before 3.6 does not know the limit of times that is lifted here, nor does it have it; a hosted cluster may not
 * let topics have records as large as asked for. */
const liftedLimits: readonly LiftedLimits[] = [
  { times: true, bytes: true },
  { times: true, bytes: false },
  { times: false, bytes: true },
  { times: false, bytes: false },
]

/** Returns those whose configuration the broker does not take; where it is the last attempt, that is an error. */
async function tryCreate(
  cluster: KafkaCluster,
  specs: readonly TopicSpec[],
  {
    replicationFactor,
    limits,
    isLast,
  }: { replicationFactor: number; limits: LiftedLimits; isLast: boolean },
): Promise<readonly TopicSpec[]> {
  const topics = specs.map((spec) => ({
    name: spec.name,
    partitionCount: spec.partitionCount,
    replicationFactor,
    configuration: configurationOf(spec, limits),
  }))
  const answer = await cluster.retry({ kind: 'controller' }, createTopicsRequest, topics, {
    requestTimeoutMs: topicTimeoutMs * 2,
  })
  const refused: TopicSpec[] = []
  for (const { name, errorCode, errorMessage } of answer.topics) {
    if (errorCode === 0) continue
    const failure = failureOfCode(errorCode, 'CreateTopics', `${name}: ${errorMessage ?? ''}`)
    const code = failure instanceof ProtocolError ? failure.codeName : ''
    // Another instance was faster.
    if (code === 'TOPIC_ALREADY_EXISTS') continue
    const spec = specs.find((one) => one.name === name)
    const isOfLimits = code === 'INVALID_CONFIG' || code === 'POLICY_VIOLATION'
    if (isOfLimits && !isLast && spec !== undefined) refused.push(spec)
    else throw creationError(failure, code)
  }
  return refused
}

function creationError(failure: Error, code: string): Error {
  if (!/^(INVALID_|POLICY_)/.test(code)) return failure
  const remedy = code === 'INVALID_REPLICATION_FACTOR' ? '; set kafka.replicationFactor' : ''
  return new TidemarkError(
    'CONFIGURATION_INVALID',
    `the Kafka cluster refuses to create a topic: ${failure.message}${remedy}`,
    { cause: failure },
  )
}

/** Brokers learn of topics one after the other, and a request may go to any of them. */
async function untilEveryBroker<Item extends { readonly name: TopicName }>(
  context: LeaderContext,
  items: readonly Item[],
  isThere: (item: Item, partitionCount: number | null) => boolean,
): Promise<void> {
  const { cluster } = context
  const names = items.map(({ name }) => name)
  await withBackOff(async () => {
    const { brokers } = await cluster.send({ kind: 'any' }, metadataRequest, [])
    for (const { nodeId: id } of brokers) {
      const { topics } = await cluster.send({ kind: 'broker', id }, metadataRequest, names)
      for (const item of items) {
        const topic = topics.find(({ name }) => name === item.name)
        const isWhole =
          topic?.errorCode === 0 && topic.partitions.every((one) => one.errorCode === 0)
        if (isThere(item, isWhole ? topic.partitions.length : null)) continue
        throw new ProtocolError(5, 'Metadata', `broker ${id}, topic ${item.name}`)
      }
    }
  }, context)
  cluster.forgetTopics(names)
}

/** All but Kafka's own. */
export async function topicNames(cluster: KafkaCluster): Promise<readonly TopicName[]> {
  const answer = await cluster.retry({ kind: 'any' }, metadataRequest, null)
  return answer.topics
    .filter(({ isInternal, errorCode }) => !isInternal && errorCode === 0)
    .map(({ name }) => (name ?? '') as TopicName)
    .sort()
}

/** With the partitions that others have added meanwhile. @throws TidemarkError TOPIC_UNKNOWN */
export async function describeTopics(
  context: LeaderContext,
  names: readonly TopicName[],
): Promise<readonly TopicDescription[]> {
  const { cluster } = context
  const topics = await cluster.topics(names, { isFresh: true })
  const partitions = names.flatMap((name) => topics.get(name)?.partitions ?? [])
  const [retained, logStarts, highWatermarks, lastStables] = await Promise.all([
    describeRetention(cluster, names),
    listEdges(context, partitions, 'logStart'),
    listEdges(context, partitions, 'highWatermark'),
    listEdges(context, partitions, 'lastStable'),
  ])
  return names.map((name) => {
    const ofTopic = topics.get(name)?.partitions ?? []
    return {
      name,
      partitionCount: ofTopic.length,
      ...(retained.get(name) ?? { cleanupPolicy: 'delete', retentionMs: null }),
      partitions: ofTopic.map((at) => {
        const id = topicPartitionId(at)
        const logStartOffset = logStarts.get(id) ?? (0 as never)
        // Asked for one after the other while records come in: what is stable is not beyond the end.
        const lastStableOffset = lastStables.get(id) ?? logStartOffset
        const highWatermark = highWatermarks.get(id) ?? logStartOffset
        return {
          partition: at.partition satisfies Partition,
          logStartOffset,
          highWatermark: highWatermark < lastStableOffset ? lastStableOffset : highWatermark,
          lastStableOffset,
        }
      }),
    }
  })
}

/** Those that are not there are left out; resolves when no broker knows of them any more. */
export async function deleteTopics(
  context: LeaderContext,
  names: readonly TopicName[],
): Promise<void> {
  if (names.length === 0) return
  const answer = await context.cluster.retry({ kind: 'controller' }, deleteTopicsRequest, names, {
    requestTimeoutMs: topicTimeoutMs * 2,
  })
  for (const { name, errorCode, errorMessage } of answer.responses) {
    if (errorCode === 0 || errorCode === unknownTopicCode) continue
    throw failureOfCode(errorCode, 'DeleteTopics', `${name}: ${errorMessage ?? ''}`)
  }
  const gone = names.map((name) => ({ name }))
  await untilEveryBroker(context, gone, (_item, partitionCount) => partitionCount === null)
}

function checkSpec(spec: TopicSpec): void {
  if (Number.isInteger(spec.partitionCount) && spec.partitionCount > 0) return
  throw new TidemarkError(
    'CONFIGURATION_INVALID',
    `topic ${spec.name}: ${spec.partitionCount} partitions; use a whole number from 1 on`,
  )
}

function checkPartitions(spec: TopicSpec, partitionCount: number | undefined): void {
  if (partitionCount === undefined || partitionCount === spec.partitionCount) return
  throw new TidemarkError(
    'TOPIC_MISMATCH',
    `topic ${spec.name} has ${partitionCount} partitions, ${spec.partitionCount} are asked for; ` +
      'the number cannot change, because keys are bound to partitions',
    { details: { topic: spec.name, partitionCount, wanted: spec.partitionCount } },
  )
}
