/**
 * The Open University Learning Analytics dataset: its seven tables as received (raw), with types (clean) and as a star,
 * and what they say of engagement and risk. Facts are current with each row; whatever order rows and reference data
 * arrive in, they end the same. A row is the same by its natural key, a row of clicks by its event's id.
 */
import type { FactTable } from '../src/core/fact-table.ts'
import { topicName } from '../src/core/record.ts'
import { bytesSerde } from '../src/core/serde.ts'
import type { TopicDefinition } from '../src/core/topic.ts'
import { tupleSerde } from '../src/core/tuple.ts'
import * as engagement from '../src/facts/open-university-engagement.ts'
import * as star from '../src/facts/open-university-star.ts'
import {
  cleanTables,
  rawTables,
  tableSpecs,
  type RawValues,
  type TableSpec,
} from '../src/facts/open-university-tables.ts'
import { FactRowsProcessor, type RowOf } from '../src/processors/fact-rows.ts'
import { numberSerde } from '../src/processors/number-serde.ts'
import { dateRow, NewDaysProcessor } from '../src/processors/open-university/days.ts'
import {
  givenRuleSerde,
  ruleOf,
  type GivenRule,
} from '../src/processors/open-university/given-rule.ts'
import { GroupRowsProcessor, groupPorts } from '../src/processors/open-university/group-rows.ts'
import {
  emptyGroup,
  groupSerde,
  sumGroups,
  type Group,
  type GroupKey,
} from '../src/processors/open-university/groups.ts'
import { assessmentSerde } from '../src/processors/open-university/known-assessments.ts'
import {
  moduleOfCourse,
  moduleRow,
  moduleSerde,
  presentationRow,
  sumModules,
} from '../src/processors/open-university/course-rows.ts'
import { RiskRuleChecksProcessor } from '../src/processors/open-university/risk-rule-checks.ts'
import { siteDaySerde, type SiteDayKey } from '../src/processors/open-university/site-day.ts'
import { siteRow } from '../src/processors/open-university/site-rows.ts'
import {
  StudentProcessor,
  studentPorts,
  studentStores,
  type StudentKey,
} from '../src/processors/open-university/student-processor.ts'
import { studentSerde } from '../src/processors/open-university/student.ts'
import {
  tableRowsPorts,
  TableRowsProcessor,
  type CleanChange,
} from '../src/processors/open-university/table-rows.ts'
import { studentRowPorts } from '../src/processors/open-university/touched-students.ts'
import { versionsSerde } from '../src/processors/open-university/versions.ts'
import { loadSchema } from '../src/schema/schema-files.ts'
import { defineTopology, type TopologyBuilder } from '../src/topology/define.ts'
import { keyValueStore } from '../src/topology/stores.ts'
import type { KStream } from '../src/topology/streams.ts'

type TextKey = readonly string[]
type RowKey = readonly (string | number)[]
const textKeySerde = tupleSerde<TextKey>()
const rowKeySerde = tupleSerde<RowKey>()
type DayKey = readonly [day: number]
const dayKeySerde = tupleSerde<DayKey>()

// Topics: each row is an event. Kept: an import brings rows that are years old.

function topic({ name, topicKey, columns }: TableSpec): TopicDefinition<TextKey, RawValues> {
  const namesStudent = columns.some((column) => column.name === 'id_student')
  return {
    name: topicName(name),
    keySerde: textKeySerde,
    keyOf: (values) => {
      const parts = topicKey.map((column) => values[column] ?? '')
      return parts.includes('') ? null : parts
    },
    schema: loadSchema(name),
    cleanupPolicy: 'delete',
    retentionMs: null,
    persons: namesStudent ? [{ kind: 'student', field: 'id_student', isNumber: true }] : [],
  }
}

const topics = {
  courses: topic(tableSpecs.courses),
  assessments: topic(tableSpecs.assessments),
  vle: topic(tableSpecs.vle),
  studentInfo: topic(tableSpecs.studentInfo),
  studentRegistration: topic(tableSpecs.studentRegistration),
  studentAssessment: topic(tableSpecs.studentAssessment),
  studentVle: topic(tableSpecs.studentVle),
}

const atRiskRules: TopicDefinition<TextKey, GivenRule> = {
  name: topicName('at_risk_rules'),
  keySerde: textKeySerde,
  keyOf: ({ code_module }) => [code_module],
  schema: loadSchema('at_risk_rules'),
  cleanupPolicy: 'compact',
  retentionMs: null,
  persons: [],
}

export const factTables = [rawTables, cleanTables, star, engagement].flatMap((tables): unknown[] =>
  Object.values(tables),
) as FactTable[]

export default defineTopology('open-university', (builder) => {
  const courses = tableRows(builder, 'courses', { changesTo: 'course-changes' })
  const assessments = tableRows(builder, 'assessments', { daysTo: 'days-of-assessments' })
  const sites = tableRows(builder, 'vle', { changesTo: 'vle-changes' })
  const info = tableRows(builder, 'studentInfo', { changesTo: studentPorts.node })
  const changesAndDays = { changesTo: studentPorts.node, daysTo: 'days-of-students' }
  const registrations = tableRows(builder, 'studentRegistration', changesAndDays)
  const results = tableRows(builder, 'studentAssessment', changesAndDays)
  const clicks = tableRows(builder, 'studentVle', changesAndDays)

  // Assessments reach every task, so that late ones correct what is there.
  const everywhere = builder.broadcast(studentPorts.assessments, topics.assessments)
  const students = studentFacts(builder, [info, registrations, results, clicks, everywhere])
  sums(students)

  courseDimensions(courses)
  rows(sites as KStream<RowKey, CleanChange>, 'vle-changes', siteRow).to(
    'dim-module-vle',
    star.dimModuleVle.topic,
  )
  dateDimension(registrations.merge('days-of-students', results, clicks), assessments)

  // The rule of the at-risk score, as it was last given; of two lines of a file the later one.
  const rules = builder
    .stream('at-risk-rule', atRiskRules)
    .process<TextKey, GivenRule | null>('at-risk-rule-checks', {
      supplier: () => new RiskRuleChecksProcessor(),
      keepsKey: true,
    })
    .toTable('at-risk-rule-latest', { store: 'at-risk-rules', valueSerde: givenRuleSerde })
    .toStream('at-risk-rule-changed')
  rows(rules, 'at-risk-rule-rows', (rule: GivenRule, times) => ({
    ...ruleOf(rule),
    event_time: times.eventTimeMs,
    known_at: times.knownAtMs,
  })).to('at-risk-rule-facts', engagement.atRiskRules.topic)
})

type Rows = KStream<RowKey, unknown>

function studentFacts(builder: TopologyBuilder, inputs: readonly KStream<any, any>[]): Rows {
  const students = builder.process<RowKey, unknown>(studentPorts.node, {
    inputs,
    stores: [
      keyValueStore(studentStores.students, tupleSerde<StudentKey>(), studentSerde),
      keyValueStore(studentStores.siteDays, tupleSerde<SiteDayKey>(), siteDaySerde),
      keyValueStore(studentStores.assessments, textKeySerde, assessmentSerde),
      keyValueStore(studentStores.resultStudents, textKeySerde, bytesSerde),
    ],
    supplier: () => new StudentProcessor(),
  })
  students.to(studentRowPorts.assessments, star.factAssessments.topic)
  students.to(studentRowPorts.interactions, star.factVleInteractions.topic)
  students.to(studentRowPorts.registeredModules, star.dimRegisteredModule.topic)
  students.to(studentRowPorts.students, star.dimStudent.topic)
  students.to(studentRowPorts.engagement, engagement.studentEngagement.topic)
  students.to(studentRowPorts.weeks, engagement.studentWeeklyEngagement.topic)
  return students
}

/** What each batch of students changes, summed by presentation, week and attribute. */
function sums(students: Rows): void {
  const groups = students
    .map(studentRowPorts.groups, (key, value) => [key as GroupKey, value as Group] as const, {
      keySerde: tupleSerde<GroupKey>(),
      valueSerde: groupSerde,
    })
    .groupByKey('changes-by-group')
    .aggregate(
      'group-sums',
      () => emptyGroup,
      (_key, change, group) => sumGroups(group, change),
      { store: 'groups', valueSerde: groupSerde, emit: 'on-commit' },
    )
    .toStream('group-changed')
    .process<any, any>('group-rows', { supplier: () => new GroupRowsProcessor() })
  groups.to(groupPorts.funnel, engagement.enrolmentFunnel.topic)
  groups.to(groupPorts.week, engagement.weeklyEngagement.topic)
  groups.to(groupPorts.attribute, engagement.engagementByAttribute.topic)
}

/** Presentations, and the modules that they are of. */
function courseDimensions(courses: Rows): void {
  const changes = courses.mapValues('course-changes', (change) => change as CleanChange)
  rows(changes, 'presentation-rows', presentationRow).to(
    'dim-presentation',
    star.dimPresentation.topic,
  )
  const modules = changes
    .filter('new-courses', (_key, { before }) => before === null)
    .map('module-of-course', (_key, change) => moduleOfCourse(change), {
      keySerde: tupleSerde<readonly [string]>(),
      valueSerde: moduleSerde,
    })
    .groupByKey('courses-by-module')
    .reduce('module-sums', sumModules, { store: 'modules', emit: 'on-commit' })
    .toStream('module-changed')
  rows(modules, 'module-rows', moduleRow).to('dim-module', star.dimModule.topic)
}

/** Every day that any row names. */
function dateDimension(ofStudents: Rows, assessments: Rows): void {
  const keyed = { keySerde: dayKeySerde, valueSerde: numberSerde }
  const days = (ofStudents as KStream<any, any>)
    .repartition('student-days', keyed)
    .merge(
      'days',
      (assessments as KStream<any, any>)
        .filter('days-of-assessments', () => true)
        .repartition('assessment-days', keyed),
    )
    .process('new-days', {
      stores: [keyValueStore('known-days', dayKeySerde, bytesSerde)],
      supplier: () => new NewDaysProcessor('known-days'),
      keepsKey: true,
      ...keyed,
    })
  rows(days, 'date-rows', dateRow).to('dim-date', star.dimDate.topic)
}

/** One of the seven tables, from its topic to `raw_*` and `clean_*`. */
function tableRows(
  builder: TopologyBuilder,
  table: keyof typeof tableSpecs,
  to: { readonly changesTo?: string; readonly daysTo?: string },
): KStream<RowKey, unknown> {
  const spec: TableSpec = tableSpecs[table]
  const store = `${spec.name}-rows`
  const ports = tableRowsPorts(spec)
  const rows = builder.process<RowKey, unknown>(`${spec.name}-rows`, {
    inputs: [builder.stream(spec.name, topics[table])],
    stores: [keyValueStore(store, rowKeySerde, versionsSerde)],
    supplier: () => new TableRowsProcessor({ changesTo: null, daysTo: null, ...to, spec, store }),
    keepsKey: true,
  })
  rows.to(ports.raw, rawTables[table].topic)
  rows.to(ports.clean, cleanTables[table].topic)
  return rows
}

function rows<Id, Value, Row>(
  stream: KStream<Id, Value | null>,
  name: string,
  rowOf: RowOf<Id, Value, Row>,
): KStream<Id, Row | null> {
  return stream.process(name, { supplier: () => new FactRowsProcessor<Id, Value, Row>(rowOf) })
}
