/** The configuration of topics that this project cares about, from and to Kafka's names. */
import { TidemarkError } from '../../../core/errors.ts'
import type { TopicName } from '../../../core/record.ts'
import type { TopicDescription, TopicSpec } from '../../log.ts'
import { failureOfCode } from '../connections/failures.ts'
import type { KafkaCluster } from '../kafka-cluster.ts'
import type { LeaderContext } from './by-leader.ts'
import { describeConfigsRequest } from './topic-requests.ts'

type RetainedSpec = Pick<TopicSpec, 'cleanupPolicy' | 'retentionMs'>
type Retention = RetainedSpec & Pick<TopicDescription, 'deletesToo' | 'timestamps'>

const policyKey = 'cleanup.policy'
const timestampTypeKey = 'message.timestamp.type'
const retentionKey = 'retention.ms'
const segmentKey = 'segment.bytes'
const batchBytesKey = 'max.message.bytes'
/** Kafka 3.6 on refuses records more than an hour ahead of the broker's clock, which event time may be. */
const timestampLimitKey = 'message.timestamp.after.max.ms'
const forEver = '-1'

/** Which of the broker's own limits a topic is created without. */
export interface LiftedLimits {
  readonly times: boolean
  readonly bytes: boolean
}

/** What a topic is created with. */
export function configurationOf(
  spec: RetainedSpec & Pick<TopicSpec, 'segmentBytes' | 'batchBytesMax'>,
  limits: LiftedLimits,
): ReadonlyMap<string, string> {
  const configuration = new Map([
    [policyKey, spec.cleanupPolicy],
    [timestampTypeKey, 'CreateTime'],
  ])
  if (limits.times) configuration.set(timestampLimitKey, '9223372036854775807')
  if (spec.cleanupPolicy === 'delete') configuration.set(retentionKey, retentionValue(spec))
  if (spec.segmentBytes !== undefined) configuration.set(segmentKey, String(spec.segmentBytes))
  if (spec.batchBytesMax !== undefined && limits.bytes) {
    configuration.set(batchBytesKey, String(spec.batchBytesMax))
  }
  return configuration
}

function retentionValue({ retentionMs }: RetainedSpec): string {
  return retentionMs === null ? forEver : String(retentionMs)
}

/** @throws TidemarkError KAFKA_REFUSED, ProtocolError */
export async function describeRetention(
  cluster: KafkaCluster,
  names: readonly TopicName[],
): Promise<ReadonlyMap<TopicName, Retention>> {
  const found = new Map<TopicName, Retention>()
  if (names.length === 0) return found
  const question = { names, keys: [policyKey, retentionKey, timestampTypeKey] }
  const answer = await cluster.retry({ kind: 'any' }, describeConfigsRequest, question)
  for (const result of answer.results) {
    const { errorCode, resourceName: name } = result
    if (errorCode !== 0) throw failureOfCode(errorCode, 'DescribeConfigs', name)
    const values = new Map(result.configs.map((one) => [one.name, one.value]))
    const policies = (values.get(policyKey) ?? 'delete').split(',').map((policy) => policy.trim())
    const cleanupPolicy = policies.includes('compact') ? 'compact' : 'delete'
    const retention = values.get(retentionKey) ?? forEver
    found.set(name as TopicName, {
      cleanupPolicy,
      timestamps: values.get(timestampTypeKey) === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
      deletesToo: cleanupPolicy === 'compact' && policies.includes('delete'),
      retentionMs: cleanupPolicy === 'compact' || retention === forEver ? null : Number(retention),
    })
  }
  return found
}

/** A policy is not changed behind the back of who set it, nor is a retention: how long a topic that exists is kept is
 * its owner's to say. @throws TidemarkError TOPIC_MISMATCH */
export async function checkPolicies(
  { cluster }: LeaderContext,
  specs: readonly TopicSpec[],
): Promise<void> {
  const retained = await describeRetention(
    cluster,
    specs.map(({ name }) => name),
  )
  for (const spec of specs) {
    const existing = retained.get(spec.name)
    if (existing !== undefined && existing.cleanupPolicy !== spec.cleanupPolicy) {
      throw policyMismatch(spec, existing)
    }
  }
}

function policyMismatch(spec: TopicSpec, existing: RetainedSpec): TidemarkError {
  return new TidemarkError(
    'TOPIC_MISMATCH',
    `topic ${spec.name} has cleanup.policy ${existing.cleanupPolicy}, ${spec.cleanupPolicy} is asked for: ` +
      `set it with kafka-configs, or delete the topic where it was made by mistake`,
    { details: { topic: spec.name, existing: existing.cleanupPolicy, wanted: spec.cleanupPolicy } },
  )
}

/** What holds for the topic: set on itself, on the broker, or by default.
 * @throws TidemarkError TOPIC_UNKNOWN | KAFKA_REFUSED */
export async function topicConfiguration(
  cluster: KafkaCluster,
  name: TopicName,
): Promise<ReadonlyMap<string, string>> {
  await cluster.topics([name])
  const question = { names: [name], keys: null }
  const answer = await cluster.retry({ kind: 'any' }, describeConfigsRequest, question)
  const effective = new Map<string, string>()
  for (const { errorCode, configs } of answer.results) {
    if (errorCode !== 0) throw failureOfCode(errorCode, 'DescribeConfigs', name)
    for (const { name: key, value } of configs) {
      if (typeof value === 'string') effective.set(key, value)
    }
  }
  return effective
}
