/** The requests of topics and their configuration. Error codes of single topics stay in the responses. */
import {
  createTopicsV5,
  createTopicsV6,
  createTopicsV7,
  deleteTopicsV5,
  deleteTopicsV6,
  describeConfigsV4,
} from '@platformatic/kafka'

import type { TopicName } from '../../../core/record.ts'
import { tolerantVersion } from '../connections/versioned.ts'
import type { RequestKind } from '../kafka-cluster.ts'

export interface NewTopic {
  readonly name: TopicName
  readonly partitionCount: number
  /** −1: the broker's default. */
  readonly replicationFactor: number
  readonly configuration: ReadonlyMap<string, string>
}

/** How long the controller may take. */
export const topicTimeoutMs = 20_000

export const createTopicsRequest: RequestKind<
  readonly NewTopic[],
  createTopicsV7.CreateTopicsResponse
> = {
  name: 'CreateTopics',
  apiKey: 19,
  versions: [
    tolerantVersion(createTopicsV7.api, creation),
    tolerantVersion(createTopicsV6.api, creation),
    tolerantVersion(createTopicsV5.api, creation),
  ],
}

function creation(
  topics: readonly NewTopic[],
): [createTopicsV7.CreateTopicsRequestTopic[], number, boolean] {
  const asked = topics.map(({ name, partitionCount, replicationFactor, configuration }) => ({
    name,
    numPartitions: partitionCount,
    replicationFactor,
    assignments: [],
    configs: [...configuration].map(([key, value]) => ({ name: key, value })),
  }))
  return [asked, topicTimeoutMs, false]
}

export const deleteTopicsRequest: RequestKind<
  readonly TopicName[],
  deleteTopicsV6.DeleteTopicsResponse
> = {
  name: 'DeleteTopics',
  apiKey: 20,
  versions: [
    tolerantVersion(deleteTopicsV6.api, deletion),
    tolerantVersion(deleteTopicsV5.api, deletion),
  ],
}

function deletion(names: readonly TopicName[]): [{ name: string }[], number] {
  return [names.map((name) => ({ name })), topicTimeoutMs]
}

const topicResource = 2 as const

export interface ConfigurationQuestion {
  readonly names: readonly TopicName[]
  /** Null asks for all. */
  readonly keys: readonly string[] | null
}

export const describeConfigsRequest: RequestKind<
  ConfigurationQuestion,
  describeConfigsV4.DescribeConfigsResponse
> = {
  name: 'DescribeConfigs',
  apiKey: 32,
  versions: [tolerantVersion(describeConfigsV4.api, configurationQuestion)],
}

function configurationQuestion({
  names,
  keys,
}: ConfigurationQuestion): [describeConfigsV4.DescribeConfigsRequestResource[]] {
  const configurationKeys = keys === null ? null : [...keys]
  return [
    names.map((resourceName) => ({ resourceType: topicResource, resourceName, configurationKeys })),
  ]
}
