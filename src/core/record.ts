/** The record and its coordinates: the only vocabulary that every layer shares. */

declare const brand: unique symbol
type Brand<T, Name extends string> = T & { readonly [brand]: Name }

export type TopicName = Brand<string, 'TopicName'>
export type StoreName = Brand<string, 'StoreName'>
export type Partition = Brand<number, 'Partition'>
/** A position in one partition's log. Safe integers: 2^53 records a partition. */
export type Offset = Brand<number, 'Offset'>

/** Kafka's rule for topic names, so that an embedded topology moves to a cluster unchanged. */
const legalName = /^[a-zA-Z0-9._-]{1,249}$/

export function topicName(name: string): TopicName {
  if (!legalName.test(name) || name === '.' || name === '..') {
    throw new RangeError(
      `topic name ${JSON.stringify(name)}: use 1 to 249 of letters, digits, ".", "_" and "-"`,
    )
  }
  return name as TopicName
}

export function storeName(name: string): StoreName {
  if (!legalName.test(name)) {
    throw new RangeError(
      `store name ${JSON.stringify(name)}: use 1 to 249 of letters, digits, ".", "_" and "-"`,
    )
  }
  return name as StoreName
}

export function partition(index: number): Partition {
  if (!Number.isInteger(index) || index < 0) throw new RangeError(`partition ${index}`)
  return index as Partition
}

export function offset(position: number): Offset {
  if (!Number.isSafeInteger(position) || position < 0) throw new RangeError(`offset ${position}`)
  return position as Offset
}

export interface TopicPartition {
  readonly topic: TopicName
  readonly partition: Partition
}

/** One string for a (topic, partition), for maps and messages: `answers-3`. */
export function topicPartitionId(at: TopicPartition): string {
  return `${at.topic}-${at.partition}`
}

/** In the order they were added; a name may occur more than once, as in Kafka. */
export type Headers = readonly (readonly [name: string, value: Buffer])[]

export const noHeaders: Headers = []

/** What a producer hands to the log. A null value is a tombstone. */
export interface ProducerRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** Event time, milliseconds since the epoch. */
  readonly timestampMs: number
  readonly headers?: Headers
}

/** What a consumer gets from the log. */
export interface ConsumerRecord {
  readonly offset: Offset
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** Event time, milliseconds since the epoch. */
  readonly timestampMs: number
  readonly headers: Headers
}
