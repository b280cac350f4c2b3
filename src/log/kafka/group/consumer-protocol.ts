/**
 * What consumers say to each other through the coordinator, which does not read it: the schemas
 * ConsumerProtocolSubscription (versions 0 to 3) and ConsumerProtocolAssignment (0 to 3) of Kafka's clients.
 * Tools such as `kafka-consumer-groups` read them too.
 */
import { Reader, Writer } from '@platformatic/kafka'
import type { Partition, TopicName, TopicPartition } from '../../../core/record.ts'
import type { MemberAssignment } from '../../group-assignor.ts'

export interface MemberSubscription {
  readonly topics: readonly TopicName[]
  readonly userData: Buffer
  readonly owned: readonly TopicPartition[]
  /** In which `owned` was assigned; −1 where nothing was. */
  readonly generationId: number
  readonly rack: string | null
}

const subscriptionVersion = 3
const assignmentVersion = 3

export function encodeMemberSubscription(subscription: MemberSubscription): Buffer {
  const writer = Writer.create()
    .appendInt16(subscriptionVersion)
    .appendArray(
      [...subscription.topics],
      (to, topic) => to.appendString(topic, false),
      false,
      false,
    )
    .appendBytes(subscription.userData, false)
  writePartitions(writer, subscription.owned)
  writer.appendInt32(subscription.generationId).appendString(subscription.rack, false)
  return writer.buffer
}

/** Of any version: later ones append. */
export function decodeMemberSubscription(bytes: Buffer): MemberSubscription {
  const reader = Reader.from(bytes)
  const version = reader.readInt16()
  const topics = reader.readArray((from) => from.readString(false) as TopicName, false, false)
  const userData = Buffer.from(reader.readBytes(false))
  const owned = version >= 1 ? readPartitions(reader) : []
  const generationId = version >= 2 ? reader.readInt32() : -1
  const rack = version >= 3 ? reader.readNullableString(false) : null
  return { topics, userData, owned, generationId, rack }
}

export function encodeMemberAssignment(assignment: MemberAssignment): Buffer {
  const writer = Writer.create().appendInt16(assignmentVersion)
  writePartitions(writer, assignment.partitions)
  return writer.appendBytes(assignment.userData, false).buffer
}

/** An empty buffer, which a coordinator hands out where no leader assigned anything, is an empty assignment. */
export function decodeMemberAssignment(bytes: Buffer): MemberAssignment {
  if (bytes.length === 0) return { partitions: [], userData: Buffer.alloc(0) }
  const reader = Reader.from(bytes)
  reader.readInt16()
  const partitions = readPartitions(reader)
  return { partitions, userData: Buffer.from(reader.readBytes(false)) }
}

function writePartitions(writer: Writer, partitions: readonly TopicPartition[]): void {
  const byTopic = [...Map.groupBy(partitions, ({ topic }) => topic)]
  writer.appendArray(
    byTopic,
    (to, [topic, ofTopic]) => {
      to.appendString(topic, false)
      to.appendArray(ofTopic, (each, { partition }) => each.appendInt32(partition), false, false)
    },
    false,
    false,
  )
}

function readPartitions(reader: Reader): TopicPartition[] {
  const byTopic = reader.readArray(
    (from) => {
      const topic = from.readString(false) as TopicName
      const indexes = from.readArray((each) => each.readInt32() as Partition, false, false)
      return indexes.map((partition) => ({ topic, partition }))
    },
    false,
    false,
  )
  return byTopic.flat()
}
