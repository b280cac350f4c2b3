/** The same case in our own test driver. */
import { topicName } from '../../../src/core/record.ts'
import type { TopicName } from '../../../src/core/record.ts'
import { stringSerde } from '../../../src/core/serde.ts'
import type { TopicDefinition } from '../../../src/core/topic.ts'
import type { OpeningCodec } from '../../../src/runtime/codecs.ts'
import { TopologyTestDriver } from '../../../src/testing/topology-test-driver.ts'
import type { TestDriverOptions } from '../../../src/testing/topology-test-driver.ts'
import { defineTopology } from '../../../src/topology/define.ts'
import type { TopologyBuilder } from '../../../src/topology/define.ts'
import type { ErrorPolicies } from '../../../src/topology/error-policies.ts'
import { isClockStep } from './case.ts'
import type { Case, Output, Outputs, Parameters, RecordStep } from './case.ts'

export type TextTopic = TopicDefinition<string, string>

export type Build = (builder: TopologyBuilder, parameters: Parameters) => void

const headerName = 'note'
const topics = new Map<string, TextTopic>()

/** A topic of text keys and values, the same object for the same name. */
export function textTopic(name: string): TextTopic {
  let topic = topics.get(name)
  if (topic === undefined) {
    topic = {
      name: topicName(name),
      keySerde: stringSerde,
      schema: { type: 'string' },
      cleanupPolicy: 'delete',
      retentionMs: null,
    }
    topics.set(name, topic)
  }
  return topic
}

/** Values are text as they are, as Kafka's StringSerializer writes them. */
export const textCodec: OpeningCodec = {
  encode: (value) => Buffer.from(String(value)),
  decode: (bytes) => bytes.toString(),
  prepare: () => Promise.resolve(),
}

export interface OurOptions {
  /** Records that are there before the tasks take any; 1, the default, lets each through before the next. */
  readonly stepsPerRun?: number
  /** True: every task starts again from its last commit after each run. */
  readonly restarts?: boolean
  /** Default: in memory. */
  readonly openStorage?: TestDriverOptions['openStorage']
  readonly errorPolicies?: ErrorPolicies
  /** Default: the runtime's. */
  readonly limits?: TestDriverOptions['limits']
}

export async function ourOutputs(
  given: Case,
  build: Build,
  {
    stepsPerRun = 1,
    restarts = false,
    openStorage,
    limits = {},
    errorPolicies = {},
  }: OurOptions = {},
): Promise<Outputs> {
  const graph = defineTopology(
    'judge',
    (builder) => {
      build(builder, given.parameters)
    },
    errorPolicies,
  )
  const sinks = graph.nodes
    .flatMap((node) => (node.kind === 'sink' ? [node.topic as TextTopic] : []))
    .sort((left, right) => (left.name < right.name ? -1 : 1))
  const storage = openStorage === undefined ? {} : { openStorage }
  const driver = await TopologyTestDriver.open(graph, {
    codecs: () => textCodec,
    limits,
    ...storage,
  })
  try {
    const outputs: Output[][] = []
    for (let index = 0; index < given.steps.length; index += stepsPerRun) {
      for (const step of given.steps.slice(index, index + stepsPerRun)) {
        if (isClockStep(step)) await driver.advanceWallClock(step.advanceMs)
        else await driver.send(textTopic(step.topic), [inputOf(step)])
      }
      await driver.run()
      outputs.push(await drain(driver, sinks))
      if (restarts) await driver.restart()
    }
    return outputs
  } finally {
    await driver.close()
  }
}

function inputOf({ key, value, timestampMs, header }: RecordStep) {
  return {
    ...(key === null ? {} : { key }),
    value,
    timestampMs,
    ...(header === null ? {} : { headers: [[headerName, Buffer.from(header)]] as const }),
  }
}

async function drain(driver: TopologyTestDriver, sinks: readonly TextTopic[]): Promise<Output[]> {
  const outputs: Output[] = []
  let last: TopicName | null = null
  for (const sink of sinks) {
    if (sink.name === last) continue
    last = sink.name
    for (const { key, value, timestampMs, headers } of await driver.read(sink)) {
      const header = headers.find(([name]) => name === headerName)?.[1].toString() ?? null
      outputs.push({ topic: sink.name, key, value, timestampMs, header })
    }
  }
  return outputs
}
