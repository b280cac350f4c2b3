/** Events of the feed and the rows that readers would see, for tests. */
import { topicName } from '../../core/record.ts'
import type { TopicDefinition } from '../../core/topic.ts'
import type { FactTable } from '../../core/fact-table.ts'
import { TopologyTestDriver, type TestDriverOptions } from '../../testing/topology-test-driver.ts'
import adaptiveLearning from '../../../topologies/adaptive-learning.ts'
import type { TopologyGraph } from '../../topology/graph.ts'
import type { MlTraining, UserAttempt, UserSession } from './events.ts'

/** A Tuesday, 22:13:20 UTC. */
export const baseMs = 1_700_000_000_000
export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

export function attempt(change: Partial<UserAttempt> = {}): UserAttempt {
  return {
    attempt_id: 'a1',
    user_id: 'ann',
    item_id: 'i1',
    session_id: null,
    topic: 'algebra',
    correct: true,
    answered: true,
    time_taken_ms: 10_000,
    quality: null,
    timestamp: baseMs,
    item_difficulty: null,
    sm2_easiness_factor_before: null,
    sm2_interval_before: null,
    bkt_prob_knowledge_before: null,
    irt_ability_before: null,
    ...change,
  }
}

export function session(change: Partial<UserSession> = {}): UserSession {
  return {
    session_id: 's1',
    user_id: 'ann',
    start_time: baseMs,
    end_time: baseMs + 10 * minuteMs,
    items_attempted: 20,
    correct_count: 15,
    accuracy: null,
    topics: ['geometry', 'algebra', 'algebra'],
    session_type: 'practice',
    ...change,
  }
}

export function training(change: Partial<MlTraining> = {}): MlTraining {
  return {
    training_id: 't1',
    algorithm: 'bkt',
    model_version: '3',
    user_id: 'ann',
    item_id: 'i1',
    features: { known: 0.5 },
    label: 1,
    prediction: 0.75,
    timestamp: baseMs,
    ...change,
  }
}

/** By the names of the source topics. */
export interface Feed {
  readonly 'user.attempts'?: readonly UserAttempt[]
  readonly 'user.sessions'?: readonly UserSession[]
  readonly 'ml.training'?: readonly MlTraining[]
}

export function open(
  options: TestDriverOptions = {},
  graph: TopologyGraph = adaptiveLearning,
): Promise<TopologyTestDriver> {
  return TopologyTestDriver.open(graph, options)
}

/** @param recordMs of the records; absent: of the wall clock */
export async function pipe(
  driver: TopologyTestDriver,
  feed: Feed,
  recordMs?: number,
): Promise<void> {
  await send(driver, feed, recordMs)
  await driver.run()
}

/** As `pipe`, and nothing is processed yet. */
export async function send(
  driver: TopologyTestDriver,
  feed: Feed,
  recordMs?: number,
): Promise<void> {
  const time = recordMs === undefined ? {} : { timestampMs: recordMs }
  for (const [topic, events] of Object.entries(feed)) {
    await driver.send(
      sourceTopic(topic),
      (events as readonly object[]).map((value) => ({ value, ...time })),
    )
  }
}

/** All rows of a table by key, as after a merge. Reads each topic from its last place on. */
export async function rowsOf<Row>(
  driver: TopologyTestDriver,
  table: FactTable<any, Row>,
): Promise<Row[]> {
  return [...(await driver.readLatest(table.topic)).values()]
}

function sourceTopic(name: string): TopicDefinition<unknown, any> {
  for (const node of adaptiveLearning.nodes) {
    if (node.kind === 'source' && node.topic.name === topicName(name)) return node.topic
  }
  throw new Error(`no topic ${name}`)
}
