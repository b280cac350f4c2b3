import type { TopicName } from './record.ts'
import type { Serde } from './serde.ts'

/** A topic as the application knows it. `V` is the decoded Avro value. */
export interface TopicDefinition<K = unknown, V = unknown> {
  readonly name: TopicName
  readonly keySerde: Serde<K>
  /** The key that a value belongs to; null where the value has none (KEY_MISSING). Records of this topic are
   * partitioned by it, whatever key the producer gave. Absent: the record's own key counts. */
  readonly keyOf?: (value: V) => K | null
  /** Event time of a value, milliseconds since the epoch; null leaves the record's own timestamp. */
  readonly eventTimeMsOf?: (value: V) => number | null
  /** True where the record's time decides, too: of two versions of an event the one that was sent later counts. */
  readonly recordTimeCounts?: boolean
  /** The Avro schema (parsed JSON) that this application reads and writes the values with. */
  readonly schema: object
  /** Absent: the instance's default. */
  readonly partitionCount?: number
  readonly cleanupPolicy: 'delete' | 'compact'
  readonly retentionMs: number | null
  /** Of a topic that events come in by: which fields name a person, so that `erase` finds them; empty where none does. */
  readonly persons?: readonly PersonField[]
}

/** A field of a value that names a person. */
export interface PersonField {
  /** What the person is there: `student`, `teacher`, `user`. */
  readonly kind: string
  readonly field: string
  /** A number, which texts write in several ways: `07` is 7. */
  readonly isNumber?: boolean
  /** The event is about something else, and stays without the name when the person is erased. */
  readonly isMention?: boolean
}

/** A topic between two sub-topologies of one application: keys and values in state serdes, not Avro. */
export interface InternalTopic<K = unknown, V = unknown> {
  readonly name: TopicName
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  readonly partitionCount?: number
}
