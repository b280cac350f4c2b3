/**
 * The multiple-choice test platform: who answered what and how, how a student did in a test, how a test is
 * taken. Facts are current with each event; whatever order events and reference data arrive in, they end the
 * same.
 */
import { topicName } from '../src/core/record.ts'
import { bytesSerde } from '../src/core/serde.ts'
import type { PersonField, TopicDefinition } from '../src/core/topic.ts'
import { tupleSerde } from '../src/core/tuple.ts'
import type { FactTable } from '../src/core/fact-table.ts'
import * as facts from '../src/facts/mcq.ts'
import { FactRowsProcessor } from '../src/processors/fact-rows.ts'
import { StatisticsRowsProcessor } from '../src/processors/item-statistics/statistics-rows-processor.ts'
import {
  TalliesProcessor,
  tallyStores,
  type TallyPartId,
  type TestId,
} from '../src/processors/item-statistics/tallies-processor.ts'
import { tallySerde, type Tally } from '../src/processors/item-statistics/tally.ts'
import type * as events from '../src/processors/mcq/events.ts'
import {
  funnelRow,
  funnelSerde,
  sumFunnels,
  type FunnelChange,
} from '../src/processors/mcq/funnel.ts'
import { PapersProcessor, studentPaperSerde } from '../src/processors/mcq/papers.ts'
import { questionSerde, testSerde } from '../src/processors/mcq/reference.ts'
import { studentTestSerde, type StudentTestId } from '../src/processors/mcq/student-test.ts'
import {
  StudentTestProcessor,
  studentTestPorts as ports,
} from '../src/processors/mcq/student-test-processor.ts'
import { timestampedSerde } from '../src/processors/timestamped.ts'
import { loadSchema } from '../src/schema/schema-files.ts'
import { defineTopology, type TopologyBuilder } from '../src/topology/define.ts'
import { keyValueStore } from '../src/topology/stores.ts'
import type { KStream } from '../src/topology/streams.ts'

// Topics: students, teachers, tests and questions are the latest of each; the rest are events.

type Id = readonly [string]
const idSerde = tupleSerde<Id>()
const studentTestIdSerde = tupleSerde<StudentTestId>()

function entity<V>(
  name: string,
  keyOf: (value: V) => string,
  persons: readonly PersonField[],
): TopicDefinition<Id, V> {
  return {
    name: topicName(name),
    keySerde: idSerde,
    keyOf: (value) => (keyOf(value) === '' ? null : [keyOf(value)]),
    schema: loadSchema(name),
    cleanupPolicy: 'compact',
    retentionMs: null,
    persons,
  }
}

function event<V extends { test_id: string; student_id: string }>(
  name: string,
  eventTimeMsOf: (value: V) => number | null,
): TopicDefinition<StudentTestId, V> {
  return {
    name: topicName(name),
    keySerde: studentTestIdSerde,
    keyOf: ({ test_id, student_id }) =>
      test_id === '' || student_id === '' ? null : [test_id, student_id],
    eventTimeMsOf,
    schema: loadSchema(name),
    cleanupPolicy: 'delete',
    // Kept: an import brings events that are years old, and retention goes by event time.
    retentionMs: null,
    persons: [student],
  }
}

const student: PersonField = { kind: 'student', field: 'student_id' }
const teacher: PersonField = { kind: 'teacher', field: 'teacher_id' }

const topics = {
  students: entity<events.Student>('students', ({ student_id }) => student_id, [student]),
  teachers: entity<events.Teacher>('teachers', ({ teacher_id }) => teacher_id, [teacher]),
  // A test outlives its teacher.
  tests: entity<events.Test>('tests', ({ test_id }) => test_id, [{ ...teacher, isMention: true }]),
  questions: entity<events.Question>('questions', ({ question_id }) => question_id, []),
  sessions: event<events.Session>('sessions', (session) => session.timestamp),
  answers: event<events.Answer>('answers', (answer) => answer.timestamp),
  submissions: event<events.Submission>('submissions', (submission) => submission.submit_time),
}

export const factTables = Object.values(facts)

export default defineTopology('mcq', (builder) => {
  // Facts of a student in a test. Questions and tests reach every task, so that late ones correct what is there.
  const rows = builder.process<any, any>('student-test', {
    inputs: [
      builder.stream(ports.answers, topics.answers),
      builder.stream(ports.sessions, topics.sessions),
      builder.stream(ports.submissions, topics.submissions),
      builder.broadcast(ports.questions, topics.questions),
      builder.broadcast(ports.tests, topics.tests),
    ],
    stores: [
      keyValueStore('student-tests', studentTestIdSerde, studentTestSerde),
      keyValueStore('questions', idSerde, questionSerde),
      keyValueStore('tests', idSerde, testSerde),
      keyValueStore('stray-answers', tupleSerde<[string, string, string]>(), bytesSerde),
    ],
    supplier: () => new StudentTestProcessor(),
    keepsKey: true,
    keySerde: studentTestIdSerde,
  })
  rows.to(ports.interactionFacts, facts.questionInteractions.topic)
  rows.to(ports.summaryFacts, facts.testSummaries.topic)

  // The funnel of a test: what each batch of submissions changes, summed by test.
  rows
    .map(ports.funnelChanges, asFunnelChange, {
      keySerde: idSerde,
      valueSerde: funnelSerde,
    })
    .groupByKey('funnel-by-test')
    .reduce('funnel', sumFunnels, { store: 'funnels', emit: 'on-commit' })
    .toStream('funnel-changed')
    .process('funnel-rows', {
      supplier: () =>
        new FactRowsProcessor<Id, FunnelChange, facts.TestFunnelFact>((funnel, { knownAtMs }) =>
          funnelRow(funnel, knownAtMs),
        ),
    })
    .to('test-funnel-facts', facts.testFunnels.topic)

  itemStatistics(rows)

  // Dimensions: the current row of each entity.
  dimension(builder, topics.students, facts.students)
  dimension(builder, topics.teachers, facts.teachers)
  dimension(builder, topics.tests, facts.tests)
  dimension(builder, topics.questions, facts.questions)
})

/** The papers of the students who completed a test, summed by test. */
function itemStatistics(rows: KStream<any, any>): void {
  rows
    .process<Id, Tally>(ports.papers, {
      stores: [keyValueStore('papers', studentTestIdSerde, studentPaperSerde)],
      supplier: () => new PapersProcessor(),
      keySerde: idSerde,
      valueSerde: tallySerde,
    })
    .repartition('papers-by-test')
    .process<TestId, Tally>('item-tallies', {
      stores: [
        keyValueStore(tallyStores.first, idSerde, timestampedSerde(tallySerde)),
        keyValueStore(tallyStores.more, tupleSerde<TallyPartId>(), timestampedSerde(tallySerde)),
      ],
      supplier: () => new TalliesProcessor(),
      keepsKey: true,
    })
    .process('item-statistics-rows', {
      supplier: () =>
        new StatisticsRowsProcessor<facts.ItemStatisticsFact>({
          population: 'all',
          rowOf: (test_id, question_id, columns) => ({ test_id, question_id, ...columns }),
        }),
    })
    .to('item-statistics-facts', facts.itemStatistics.topic)
}

/** The processor forwards several kinds of records; those that go to the funnel are changes of it. */
function asFunnelChange(_key: unknown, value: unknown): [Id, FunnelChange] {
  const change = value as FunnelChange
  return [[change.testId], change]
}

function dimension<V extends object>(
  builder: TopologyBuilder,
  topic: TopicDefinition<Id, V>,
  fact: FactTable<Id, V & facts.FactMetadata>,
): void {
  const { name } = topic
  builder
    .table(`${name}-latest`, topic, { store: `${name}-latest` })
    .toStream(`${name}-changed`)
    .process(`${name}-rows`, {
      supplier: () =>
        new FactRowsProcessor<Id, V, V & facts.FactMetadata>((value, times) => ({
          ...value,
          event_time: times.eventTimeMs,
          known_at: times.knownAtMs,
        })),
    })
    .to(`${name}-dimension`, fact.topic)
}
