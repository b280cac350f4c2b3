/**
 * The exam-score feed: a star schema of its events, and for each student and each exam the list of all scores
 * with their mean, current with each event.
 */
import { topicName } from '../src/core/record.ts'
import type { Serde } from '../src/core/serde.ts'
import type { TopicDefinition } from '../src/core/topic.ts'
import { tupleSerde } from '../src/core/tuple.ts'
import * as facts from '../src/facts/exam-scores.ts'
import { checkResultSerde, laterResult } from '../src/processors/exam-scores/check-results.ts'
import {
  eventTypeSerde,
  EventTypesProcessor,
  laterSeen,
} from '../src/processors/exam-scores/event-types.ts'
import { rowsOf } from '../src/processors/exam-scores/rows.ts'
import {
  scoreCheckPorts as ports,
  ScoreChecksProcessor,
} from '../src/processors/exam-scores/score-checks.ts'
import {
  addScore,
  noScores,
  removeScore,
  scoreListSerde,
  type ScoreList,
} from '../src/processors/exam-scores/score-list.ts'
import {
  eventIdOf,
  laterScore,
  scoreSerde,
  type ExamScore,
  type Score,
} from '../src/processors/exam-scores/score.ts'
import { FactRowsProcessor, type RowOf } from '../src/processors/fact-rows.ts'
import { loadSchema } from '../src/schema/schema-files.ts'
import { defineTopology } from '../src/topology/define.ts'
import type { KStream, KTable } from '../src/topology/streams.ts'

type TextId = readonly [string]
type NumberId = readonly [number]
type CheckId = readonly [eventId: string, check: string]
const textIdSerde = tupleSerde<TextId>()
const numberIdSerde = tupleSerde<NumberId>()

// Topic: an event is the same by its id, and lies in the partition of its id.

const examScores: TopicDefinition<TextId, ExamScore> = {
  name: topicName('exam_score'),
  keySerde: textIdSerde,
  keyOf: (event) => {
    const id = eventIdOf(event)
    return id === null ? null : [id]
  },
  eventTimeMsOf: (event) => event.timestamp,
  schema: loadSchema('exam_score'),
  cleanupPolicy: 'delete',
  // Kept: an import brings events that are years old, and retention goes by event time.
  retentionMs: null,
  persons: [{ kind: 'student', field: 'studentId' }],
}

export const factTables = Object.values(facts)

export default defineTopology('exam-scores', (builder) => {
  const checked = builder.process<TextId, Score>('score-checks', {
    inputs: [builder.stream('exam-score', examScores)],
    supplier: () => new ScoreChecksProcessor(),
    keepsKey: true,
    keySerde: textIdSerde,
    valueSerde: scoreSerde,
  })
  checked
    .map(ports.failed, asCheckResult, {
      keySerde: tupleSerde<CheckId>(),
      valueSerde: checkResultSerde,
    })
    .groupByKey('failed-checks-by-event')
    // What is kept of a result is its fact.
    .reduce('latest-failed-check', laterResult, {
      store: 'failed-checks',
      changelog: facts.dataQualityCheckResults.topic,
    })

  // The star schema. Of two versions of an event the later stays; the tables below follow it.
  const versions: KStream<TextId, Score> = checked.filter(ports.passed, () => true)
  const events = versions
    .groupByKey('versions-by-event')
    .reduce('latest-version', laterScore, { store: 'events', emit: 'on-commit' })
  rows(events.toStream('event-changed'), 'event-rows', rowsOf.event).to(
    'event-facts',
    facts.events.topic,
  )
  const eventTypes = versions
    .process('event-types', {
      supplier: () => new EventTypesProcessor(),
      keySerde: textIdSerde,
      valueSerde: eventTypeSerde,
    })
    .groupByKey('by-event-type')
    .reduce('latest-event-type', laterSeen, { store: 'event-types', emit: 'on-commit' })
  rows(eventTypes.toStream('event-type-changed'), 'event-type-rows', rowsOf.eventType).to(
    'event-type-dimension',
    facts.eventTypes.topic,
  )

  // All scores of a student, and their mean.
  const ofStudent = scoreLists(events, 'student', (score): TextId => [score.studentId], textIdSerde)
  rows(ofStudent, 'student-rows', rowsOf.student).to('student-dimension', facts.students.topic)
  rows(ofStudent, 'student-average-rows', rowsOf.studentAverage).to(
    'student-average-scores',
    facts.studentAverageScores.topic,
  )

  // All scores of an exam, and their mean.
  const ofExam = scoreLists(events, 'exam', (score): NumberId => [score.exam], numberIdSerde)
  rows(ofExam, 'exam-rows', rowsOf.exam).to('exam-dimension', facts.exams.topic)
  rows(ofExam, 'exam-average-rows', rowsOf.examAverage).to(
    'exam-average-scores',
    facts.examAverageScores.topic,
  )
})

/** The checks forward two kinds of records; those that go to the failed ones are results. */
function asCheckResult(key: unknown, value: unknown): [CheckId, facts.DataQualityCheckResult] {
  return [key as CheckId, value as facts.DataQualityCheckResult]
}

function scoreLists<Id extends TextId | NumberId>(
  events: KTable<TextId, Score>,
  name: string,
  idOf: (score: Score) => Id,
  keySerde: Serde<Id>,
): KStream<Id, ScoreList | null> {
  return events
    .groupBy(`scores-by-${name}`, (_eventId, score) => [idOf(score), score], {
      keySerde,
      valueSerde: scoreSerde,
    })
    .aggregate(
      `${name}-scores`,
      () => noScores,
      (_id, score, list) => addScore(list, score),
      (_id, score, list) => removeScore(list, score),
      { store: `${name}-scores`, keySerde, valueSerde: scoreListSerde, emit: 'on-commit' },
    )
    .toStream(`${name}-scores-changed`)
}

function rows<Id, Value, Row>(
  stream: KStream<Id, Value | null>,
  name: string,
  rowOf: RowOf<Id, Value, Row>,
): KStream<Id, Row | null> {
  return stream.process(name, { supplier: () => new FactRowsProcessor<Id, Value, Row>(rowOf) })
}
