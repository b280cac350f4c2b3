/**
 * The adaptive-learning feed: attempts with the features as they were before each of them, sessions, what each
 * learner did each day, training examples, and statistics of items. Current with each event, whatever order events
 * arrive in (docs/adaptive-learning.md).
 */
import { topicName } from '../src/core/record.ts'
import { bytesSerde } from '../src/core/serde.ts'
import type { TopicDefinition } from '../src/core/topic.ts'
import { tupleSerde } from '../src/core/tuple.ts'
import * as facts from '../src/facts/adaptive-learning.ts'
import { ratingVersion } from '../src/processors/adaptive-learning/ability.ts'
import {
  attemptPorts,
  AttemptsProcessor,
  type InUser,
  type UserId,
} from '../src/processors/adaptive-learning/attempts-processor.ts'
import {
  dayInputs,
  DaysProcessor,
  daySerde,
  type DayId,
  type DayItemId,
} from '../src/processors/adaptive-learning/days-processor.ts'
import type * as events from '../src/processors/adaptive-learning/events.ts'
import { keptAttemptSerde, type PlaceId } from '../src/processors/adaptive-learning/kept-attempt.ts'
import {
  learnerItemSerde,
  learnerSerde,
  learnerTopicSerde,
} from '../src/processors/adaptive-learning/learner.ts'
import {
  PapersProcessor,
  topicPaperSerde,
  type ItemAttemptId,
} from '../src/processors/adaptive-learning/papers-processor.ts'
import {
  defaultParameters,
  type FeatureParameters,
} from '../src/processors/adaptive-learning/parameters.ts'
import { sessionEventMs, sessionSerde } from '../src/processors/adaptive-learning/session.ts'
import {
  sessionPorts,
  SessionsProcessor,
} from '../src/processors/adaptive-learning/sessions-processor.ts'
import { sm2Variant } from '../src/processors/adaptive-learning/sm2.ts'
import {
  laterTraining,
  TrainingChecksProcessor,
  trainingRow,
  trainingSerde,
  type Training,
} from '../src/processors/adaptive-learning/training.ts'
import { FactRowsProcessor } from '../src/processors/fact-rows.ts'
import { StatisticsRowsProcessor } from '../src/processors/item-statistics/statistics-rows-processor.ts'
import {
  TalliesProcessor,
  tallyStores,
  type TallyPartId,
  type TestId,
} from '../src/processors/item-statistics/tallies-processor.ts'
import { tallySerde, type Tally } from '../src/processors/item-statistics/tally.ts'
import { numberSerde } from '../src/processors/number-serde.ts'
import { timestampedSerde } from '../src/processors/timestamped.ts'
import { loadSchema } from '../src/schema/schema-files.ts'
import type { StoreParameters } from '../src/state/stores.ts'
import { defineTopology, type TopologyBuilder } from '../src/topology/define.ts'
import type { TopologyGraph } from '../src/topology/graph.ts'
import { storeParameters } from '../src/topology/store-parameters.ts'
import { keyValueStore } from '../src/topology/stores.ts'
import type { KStream } from '../src/topology/streams.ts'

type TextId = readonly [string]
const userIdSerde = tupleSerde<UserId>()
const inUserSerde = tupleSerde<InUser>()
const textIdSerde = tupleSerde<TextId>()

// Topics: all events of a learner lie in one partition, and training examples in that of their id.

function learnerEvents<K extends readonly string[], V>(
  name: string,
  keyOf: (value: V) => K,
  eventTimeMsOf: (value: V) => number | null,
): TopicDefinition<K, V> {
  return {
    name: topicName(name),
    keySerde: tupleSerde<K>(),
    keyOf: (value) => (keyOf(value).includes('') ? null : keyOf(value)),
    eventTimeMsOf,
    recordTimeCounts: true,
    schema: loadSchema(name),
    cleanupPolicy: 'delete',
    // Kept: an import brings events that are years old, and retention goes by event time.
    retentionMs: null,
    persons: [{ kind: 'user', field: 'user_id' }],
  }
}

const topics = {
  attempts: learnerEvents<UserId, events.UserAttempt>(
    'user.attempts',
    ({ user_id }) => [user_id],
    ({ timestamp }) => timestamp,
  ),
  sessions: learnerEvents<UserId, events.UserSession>(
    'user.sessions',
    ({ user_id }) => [user_id],
    ({ start_time: startMs, end_time: endMs }) => sessionEventMs({ startMs, endMs }),
  ),
  training: learnerEvents<TextId, events.MlTraining>(
    'ml.training',
    ({ training_id }) => [training_id],
    ({ timestamp }) => timestamp,
  ),
}

export const factTables = Object.values(facts)

/** The same with other parameters: a topology of one's own, under its own name. */
export function adaptiveLearning(name: string, parameters: FeatureParameters): TopologyGraph {
  // Of all five stores: each place, undo and state is what these parameters made of the attempts before.
  const computed = { parameters: statedParameters(parameters) }
  return defineTopology(name, (builder) => {
    const attempts = builder.process<UserId, any>(dayInputs.attempts, {
      inputs: [builder.stream('user-attempts', topics.attempts)],
      stores: [
        keyValueStore('attempts', inUserSerde, keptAttemptSerde, computed),
        keyValueStore('places', tupleSerde<PlaceId>(), bytesSerde, computed),
        keyValueStore('learners', userIdSerde, learnerSerde, computed),
        keyValueStore('learner-topics', inUserSerde, learnerTopicSerde, computed),
        keyValueStore('learner-items', inUserSerde, learnerItemSerde, computed),
      ],
      supplier: () => new AttemptsProcessor(parameters),
      keepsKey: true,
      keySerde: userIdSerde,
    })
    attempts.to(attemptPorts.facts, facts.userAttempts.topic)
    attempts.to(attemptPorts.superseded, facts.supersededUserAttempts.topic)

    const sessions = builder.process<UserId, any>(dayInputs.sessions, {
      inputs: [builder.stream('user-sessions', topics.sessions)],
      stores: [keyValueStore('sessions', inUserSerde, sessionSerde)],
      supplier: () => new SessionsProcessor(),
      keepsKey: true,
      keySerde: userIdSerde,
    })
    sessions.to(sessionPorts.facts, facts.userSessions.topic)

    builder
      .process<any, facts.DailyAggregation | null>(attemptPorts.days, {
        inputs: [attempts, sessions],
        stores: [
          keyValueStore('days', tupleSerde<DayId>(), daySerde),
          keyValueStore('day-items', tupleSerde<DayItemId>(), numberSerde),
        ],
        supplier: () => new DaysProcessor(),
      })
      .to('daily-aggregation-facts', facts.dailyAggregations.topic)

    itemStatistics(attempts)
    training(builder)
  })
}

/** A topology of one's own names its version as it likes: the variants of the models are seen all the same. */
function statedParameters(parameters: FeatureParameters): StoreParameters {
  return storeParameters(parameters.version, { parameters, models: [sm2Variant, ratingVersion] })
}

/** First attempts at the items of a topic, summed by topic. */
function itemStatistics(attempts: KStream<UserId, any>): void {
  attempts
    .process<TextId, Tally>(attemptPorts.papers, {
      stores: [
        keyValueStore('papers', inUserSerde, topicPaperSerde),
        keyValueStore('item-attempts', tupleSerde<ItemAttemptId>(), numberSerde),
      ],
      supplier: () => new PapersProcessor(),
      keySerde: textIdSerde,
      valueSerde: tallySerde,
    })
    .repartition('papers-by-topic')
    .process<TestId, Tally>('item-tallies', {
      stores: [
        keyValueStore(tallyStores.first, textIdSerde, timestampedSerde(tallySerde)),
        keyValueStore(tallyStores.more, tupleSerde<TallyPartId>(), timestampedSerde(tallySerde)),
      ],
      supplier: () => new TalliesProcessor(),
      keepsKey: true,
    })
    .process('item-statistics-rows', {
      supplier: () =>
        new StatisticsRowsProcessor<facts.ItemStatisticsFact>({
          population: 'answered',
          rowOf: (topic, itemId, columns) => ({ topic, item_id: itemId, ...columns }),
        }),
    })
    .to('item-statistics-facts', facts.itemStatistics.topic)
}

function training(builder: TopologyBuilder): void {
  builder
    .stream('ml-training', topics.training)
    .process<TextId, Training>('training-checks', {
      supplier: () => new TrainingChecksProcessor(),
      keepsKey: true,
      keySerde: textIdSerde,
      valueSerde: trainingSerde,
    })
    .groupByKey('training-by-id')
    .reduce('latest-training', laterTraining, { store: 'training', emit: 'on-commit' })
    .toStream('training-changed')
    .process('training-rows', {
      supplier: () => new FactRowsProcessor<TextId, Training, facts.MlTrainingFact>(trainingRow),
    })
    .to('ml-training-facts', facts.mlTraining.topic)
}

export default adaptiveLearning('adaptive-learning', defaultParameters)
