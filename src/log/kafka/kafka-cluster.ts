/**
 * The port between the protocol's parts (fetch, produce, transactions, groups, administration) and the
 * connections: who is asked, in which version, and how often again.
 */
import type { Connection } from '@platformatic/kafka'

import type { TopicName, TopicPartition } from '../../core/record.ts'

export type BrokerId = number

export type CoordinatorKind = 'group' | 'transaction'

/** Whom a request goes to. It is found, and found anew after an error that says so, by the cluster. */
export type Destination =
  | { readonly kind: 'broker'; readonly id: BrokerId }
  | { readonly kind: 'leader'; readonly of: TopicPartition }
  | { readonly kind: 'coordinator'; readonly of: CoordinatorKind; readonly key: string }
  | { readonly kind: 'controller' }
  | { readonly kind: 'any' }

/** One request of the protocol in all versions that this code speaks, greatest first. Made of the versioned
 * APIs that `@platformatic/kafka` exports, or of an encoder and a parser of our own. */
export interface RequestKind<Request, Response> {
  /** The protocol's name of it, for messages: `Produce`. */
  readonly name: string
  readonly apiKey: number
  readonly versions: readonly RequestVersion<Request, Response>[]
}

export interface RequestVersion<Request, Response> {
  readonly version: number
  send(connection: KafkaConnection, request: Request): Promise<Response>
}

/** A connection of `@platformatic/kafka`, named here so that the parts share one word for it. */
export type KafkaConnection = Connection

export interface SendOptions {
  /** The connection of requests that may wait long at the broker (fetch, join) is not that of the others. Each
   * lane is one connection a broker; requests of one lane to one broker are answered in order. Default `main`. */
  readonly lane?: string
  readonly requestTimeoutMs?: number
  /** Once aborted, the request fails with the signal's reason; what became of it is unknown. */
  readonly signal?: AbortSignal
  /** The greatest version to use, below what both sides speak (transactions of the first protocol). */
  readonly versionMax?: number
}

export interface PartitionMetadata extends TopicPartition {
  readonly leader: BrokerId | null
  readonly replicas: readonly BrokerId[]
}

export interface TopicMetadata {
  readonly name: TopicName
  readonly topicId: string
  readonly partitions: readonly PartitionMetadata[]
}

export interface KafkaCluster {
  /**
   * One request, once: no retry, but a stale destination is forgotten when the request fails, so that the next
   * finds it anew. @throws TidemarkError KAFKA_UNREACHABLE (the outcome is unknown), KAFKA_REFUSED (authorization,
   * version); or ProtocolError (see `protocol-error.ts`) where the response carries an error code
   */
  send<Request, Response>(
    to: Destination,
    kind: RequestKind<Request, Response>,
    request: Request,
    options?: SendOptions,
  ): Promise<Response>

  /** Like `send`, again with exponential back-off and full jitter while the error is one that passes
   * (`isRetriable`), until `giveUpAfterMs`. Only for requests that may be repeated. */
  retry<Request, Response>(
    to: Destination,
    kind: RequestKind<Request, Response>,
    request: Request,
    options?: SendOptions & { readonly giveUpAfterMs?: number },
  ): Promise<Response>

  /** Cached; asked anew where a name is not known, or what is known may be old. @throws TidemarkError TOPIC_UNKNOWN */
  topics(
    names: readonly TopicName[],
    options?: { readonly isFresh?: boolean },
  ): Promise<ReadonlyMap<TopicName, TopicMetadata>>
  /** What was cached of these is asked anew at the next `topics` or `leader`. */
  forgetTopics(names: readonly TopicName[]): void
  forgetCoordinator(kind: CoordinatorKind, key: string): void

  /** The finalized level of a feature (`transaction.version`); 0 where the cluster does not know it. */
  featureLevel(name: string): Promise<number>
  close(): Promise<void>
}
