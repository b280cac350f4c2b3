/** Who leads what, and where the brokers are: cached, and asked anew where it is not known or was forgotten. */
import { metadataV10, metadataV11, metadataV12, metadataV9 } from '@platformatic/kafka'

import { TidemarkError } from '../../../core/errors.ts'
import type { Partition, TopicName } from '../../../core/record.ts'
import type { BrokerId, RequestKind, TopicMetadata } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'
import type { BrokerAddress } from './broker-connections.ts'
import { failureOfCode } from './failures.ts'
import { tolerantVersion } from './versioned.ts'

export type MetadataAnswer = metadataV12.MetadataResponse
type TopicAnswer = metadataV12.MetadataResponseTopic

/** All topics where the names are null. Topics are never created by asking for them. */
export const metadataRequest: RequestKind<readonly TopicName[] | null, MetadataAnswer> = {
  name: 'Metadata',
  apiKey: 3,
  versions: [
    tolerantVersion(metadataV12.api, metadataArguments),
    tolerantVersion(metadataV11.api, metadataArguments),
    tolerantVersion(metadataV10.api, metadataArguments),
    tolerantVersion(metadataV9.api, metadataArguments),
  ],
}

function metadataArguments(names: readonly TopicName[] | null): [string[] | null, boolean] {
  return [names === null ? null : [...names], false]
}

/** With the back-off of who asks, a few hundred milliseconds. */
const missedMax = 7

export class MetadataCache {
  readonly #ask: (names: readonly TopicName[] | null) => Promise<MetadataAnswer>
  readonly #topics = new Map<TopicName, TopicMetadata>()
  #brokers: ReadonlyMap<BrokerId, BrokerAddress> = new Map()
  #controller: BrokerId | null = null
  /** How often in a row a topic that was there before was said to be unknown. */
  readonly #missedInARow = new Map<TopicName, number>()
  /** Questions under way, so that many who miss the same thing ask once. */
  readonly #underWay = new Map<string, Promise<void>>()

  constructor(ask: (names: readonly TopicName[] | null) => Promise<MetadataAnswer>) {
    this.#ask = ask
  }

  get brokers(): ReadonlyMap<BrokerId, BrokerAddress> {
    return this.#brokers
  }

  /** @throws TidemarkError TOPIC_UNKNOWN; ProtocolError LEADER_NOT_AVAILABLE and the like where it passes */
  async topics(
    names: readonly TopicName[],
    isFresh = false,
  ): Promise<ReadonlyMap<TopicName, TopicMetadata>> {
    const missing = isFresh ? names : names.filter((name) => !this.#topics.has(name))
    if (missing.length > 0) await this.#refresh(missing)
    const found = new Map<TopicName, TopicMetadata>()
    for (const name of names) {
      const topic = this.#topics.get(name)
      // Forgotten by another while this one was asking.
      if (topic === undefined) throw new ProtocolError(5, 'Metadata', name)
      found.set(name, topic)
    }
    return found
  }

  /** @throws ProtocolError BROKER_NOT_AVAILABLE where the cluster has no such broker now */
  async address(broker: BrokerId): Promise<BrokerAddress> {
    if (!this.#brokers.has(broker)) await this.#refresh([])
    const address = this.#brokers.get(broker)
    if (address === undefined) throw new ProtocolError(8, 'Metadata', `broker ${broker}`)
    return address
  }

  async controller(): Promise<BrokerId> {
    if (this.#controller === null) await this.#refresh([])
    if (this.#controller === null) throw new ProtocolError(41, 'Metadata', 'no controller')
    return this.#controller
  }

  forgetTopics(names: readonly TopicName[]): void {
    for (const name of names) this.#topics.delete(name)
  }

  /** Where brokers are and which of them leads; what was led by it must be asked anew too. */
  forgetBroker(broker: BrokerId): void {
    const brokers = new Map(this.#brokers)
    brokers.delete(broker)
    this.#brokers = brokers
    this.forgetController()
    for (const [name, topic] of this.#topics) {
      if (topic.partitions.some((at) => at.leader === broker)) this.#topics.delete(name)
    }
  }

  forgetController(): void {
    this.#controller = null
  }

  async #refresh(names: readonly TopicName[]): Promise<void> {
    const key = [...names].sort().join(' ')
    let refresh = this.#underWay.get(key)
    if (refresh === undefined) {
      refresh = this.#load(names).finally(() => this.#underWay.delete(key))
      this.#underWay.set(key, refresh)
    }
    await refresh
  }

  async #load(names: readonly TopicName[]): Promise<void> {
    const response = await this.#ask(names)
    this.#brokers = new Map(
      response.brokers.map((broker) => [broker.nodeId, { host: broker.host, port: broker.port }]),
    )
    this.#controller = response.controllerId < 0 ? null : response.controllerId
    let failure: Error | null = null
    for (const topic of response.topics) {
      if (topic.errorCode === 0) {
        const metadata = topicMetadata(topic)
        this.#topics.set(metadata.name, metadata)
        this.#missedInARow.set(metadata.name, 0)
      } else {
        failure ??= this.#failureOf(topic)
      }
    }
    if (failure !== null) throw failure
  }

  /** A broker that has just started may not know yet what another has told: it is asked again for a while. */
  #failureOf(topic: TopicAnswer): Error {
    const failure = topicFailure(topic)
    const name = (topic.name ?? '') as TopicName
    const missed = this.#missedInARow.get(name)
    if (failure instanceof ProtocolError || missed === undefined) return failure
    if (missed >= missedMax) {
      this.#missedInARow.delete(name)
      this.#topics.delete(name)
      return failure
    }
    this.#missedInARow.set(name, missed + 1)
    return new ProtocolError(topic.errorCode, 'Metadata', name)
  }
}

/** Of a topic that was answered without an error of its own. */
export function topicMetadata(topic: TopicAnswer): TopicMetadata {
  const name = (topic.name ?? '') as TopicName
  const partitions = topic.partitions.map((partition) => ({
    topic: name,
    partition: partition.partitionIndex as Partition,
    leader: partition.errorCode !== 0 || partition.leaderId < 0 ? null : partition.leaderId,
    replicas: partition.replicaNodes,
  }))
  partitions.sort((left, right) => left.partition - right.partition)
  return { name, topicId: topic.topicId, partitions }
}

function topicFailure(topic: TopicAnswer): ProtocolError | TidemarkError {
  const failure = failureOfCode(topic.errorCode, 'Metadata', topic.name)
  const isUnknown =
    failure instanceof ProtocolError &&
    (failure.codeName === 'UNKNOWN_TOPIC_OR_PARTITION' ||
      failure.codeName === 'INVALID_TOPIC_EXCEPTION')
  if (!isUnknown) return failure
  return new TidemarkError('TOPIC_UNKNOWN', `the Kafka cluster has no topic ${topic.name}`, {
    cause: failure,
  })
}
