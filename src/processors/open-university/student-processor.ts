/**
 * Clean rows of students, joined with assessments, become the facts of students and what the sums over them change.
 *
 * Owned here: which rows a change touches. Left to `student.ts`: how rows join the state; to `student-rows.ts` and
 * `shares.ts`: what follows from it.
 *
 * Invariants:
 *  1. `result-students` has (assessment, student) exactly where the student has a result in the assessment, and the
 *     assessment's state counts them; so whoever an assessment concerns is one range.
 *  2. What a student adds to the sums is what its state says; the difference over a batch is forwarded with it.
 *  3. Rows are forwarded once a batch, in `flush`: the state after the whole batch is what counts.
 */
import { present } from '../../core/assert.ts'
import { noHeaders } from '../../core/record.ts'
import { encodeTuple, type KeyPart } from '../../core/tuple.ts'
import {
  columnsOf,
  sourceRowField,
  tableSpecs,
  type CleanValues,
  type RawValues,
} from '../../facts/open-university-tables.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import { cleanerOf } from './clean-values.ts'
import { assessmentOf, emptyAssessment, type AssessmentState } from './known-assessments.ts'
import { weekOfDay } from './presentation.ts'
import {
  emptySiteDay,
  siteDayKeyOf,
  addSiteClicks,
  type SiteDay,
  type SiteDayKey,
} from './site-day.ts'
import type { CleanChange } from './table-rows.ts'
import { TouchedStudents, type Forward } from './touched-students.ts'
import {
  addClicks,
  attributesOf,
  enrolmentOf,
  findResult,
  putResult,
  type KnownAssessment,
  type Student,
} from './student.ts'
import { joinVersion, placeOf } from './versions.ts'

/** [id_student], as the topics have it. */
export type StudentKey = readonly [student: string]

/** The names by which the topology connects this processor. */
export const studentPorts = {
  node: 'students',
  info: 'student_info-rows',
  registration: 'student_registration-rows',
  results: 'student_assessment-rows',
  clicks: 'student_vle-rows',
  assessments: 'assessments-everywhere',
} as const

export const studentStores = {
  students: 'students',
  siteDays: 'site-days',
  assessments: 'known-assessments',
  resultStudents: 'result-students',
} as const

/** How many entries one scan reads at a time. */
const scanEntriesMax = 1000
const noBytes = Buffer.alloc(0)
const assessmentColumns = columnsOf(tableSpecs.assessments).map(({ name }) => name)
const cleanAssessment = cleanerOf(tableSpecs.assessments)

export class StudentProcessor implements Processor {
  #context!: ProcessorContext
  #students!: KeyValueStore<StudentKey, Student>
  #siteDays!: KeyValueStore<SiteDayKey, SiteDay>
  #assessments!: KeyValueStore<readonly [string], AssessmentState>
  #resultStudents!: KeyValueStore<readonly [string, string], Buffer>

  #touched!: TouchedStudents
  /** Days of this batch with other clicks than before. */
  readonly #touchedSiteDays = new Map<
    string,
    { key: SiteDayKey; value: SiteDay; sites: Set<number> }
  >()
  readonly #changedAssessments = new Set<string>()

  init(context: ProcessorContext): void {
    this.#context = context
    this.#students = context.store(studentStores.students)
    this.#siteDays = context.store(studentStores.siteDays)
    this.#assessments = context.store(studentStores.assessments)
    this.#resultStudents = context.store(studentStores.resultStudents)
    this.#touched = new TouchedStudents(this.#students)
  }

  prefetch({ key, value }: StreamRecord, parent: string, prefetch: Prefetch): void {
    if (parent === studentPorts.assessments) {
      if (value !== null) prefetch.key(studentStores.assessments, assessmentKey(value as RawValues))
      return
    }
    prefetch.key(studentStores.students, key)
    const { before, after } = value as CleanChange
    if (parent === studentPorts.results) {
      prefetch.key(studentStores.assessments, assessmentKey(after))
    }
    if (parent !== studentPorts.clicks) return
    prefetch.key(studentStores.siteDays, siteDayKeyOf(after))
    if (before !== null) prefetch.key(studentStores.siteDays, siteDayKeyOf(before))
  }

  process(record: StreamRecord, parent: string): void {
    if (parent === studentPorts.assessments) {
      this.#assessment(record.value as RawValues | null, record.timestampMs)
      return
    }
    const key = record.key as StudentKey
    const { before, after } = record.value as CleanChange
    switch (parent) {
      case studentPorts.info:
        this.#info(key, after)
        return
      case studentPorts.registration:
        this.#registration(key, after)
        return
      case studentPorts.results:
        this.#result(key, after, before === null)
        return
      default:
        if (before !== null) this.#clicks(key, before, -1)
        this.#clicks(key, after, 1)
    }
  }

  async flush(): Promise<void> {
    await this.#settleAssessments()
    const knownAtMs = this.#context.wallClockMs
    const forward: Forward = (to, eventTimeMs, key, value) => {
      this.#context.forward({ key, value, timestampMs: eventTimeMs, headers: noHeaders }, to)
    }
    for (const { key, value, sites } of this.#touchedSiteDays.values()) {
      this.#touched.forwardSites(key, value, sites, knownAtMs, forward)
      if (value.sites.length === 0) this.#siteDays.delete(key)
    }
    this.#touchedSiteDays.clear()
    this.#touched.flush(knownAtMs, forward)
  }

  #info(key: StudentKey, values: CleanValues): void {
    const { student, enrolment } = this.#enrolment(key, values)
    student.isInfoChanged = true
    enrolment.info = attributesOf(values)
  }

  #registration(key: StudentKey, values: CleanValues): void {
    const { enrolment } = this.#enrolment(key, values)
    enrolment.registration = {
      date_registration: values['date_registration'] as number | null,
      date_unregistration: values['date_unregistration'] as number | null,
    }
  }

  #result(key: StudentKey, values: CleanValues, isNew: boolean): void {
    const id = assessmentKey(values)
    const assessment = this.#assessments.get(id) ?? emptyAssessment()
    if (isNew) {
      assessment.results += 1
      this.#assessments.put(id, assessment)
      this.#resultStudents.put([id[0], key[0]], noBytes)
    }
    const of = assessment.known
    const student = this.#touched.student(key)
    const number = values['id_assessment'] as number
    // The assessment may have moved in this same batch: the result leaves where it was.
    for (const each of [findResult(student.state, number)?.of ?? null, of]) {
      if (each !== null) student.touch(each.module, each.presentation)
    }
    student.results.add(number)
    putResult(student.state, {
      assessment: number,
      submitted: values['date_submitted'] as number | null,
      isBanked: values['is_banked'] !== null && values['is_banked'] !== 0,
      score: values['score'] as number | null,
      of,
    })
  }

  #clicks(key: StudentKey, values: CleanValues, sign: 1 | -1): void {
    const day = values['date'] as number
    const clicks = values['sum_click'] as number | null
    const student = this.#touched.student(key)
    const [module, presentation] = presentationOf(values)
    student.touch(module, presentation).touchWeek(weekOfDay(day))
    addClicks(enrolmentOf(student.state, module, presentation), day, sign, sign * (clicks ?? 0))
    const site = values['id_site'] as number
    const touched = this.#siteDay(siteDayKeyOf(values))
    addSiteClicks(touched.value, site, sign, clicks)
    touched.sites.add(site)
  }

  #siteDay(key: SiteDayKey): { readonly value: SiteDay; readonly sites: Set<number> } {
    const id = textOf(key)
    let touched = this.#touchedSiteDays.get(id)
    if (touched === undefined) {
      touched = { key, value: this.#siteDays.get(key) ?? emptySiteDay(), sites: new Set() }
      this.#touchedSiteDays.set(id, touched)
      this.#siteDays.put(key, touched.value)
    }
    return touched
  }

  #enrolment(key: StudentKey, values: CleanValues) {
    const student = this.#touched.student(key)
    const [module, presentation] = presentationOf(values)
    student.touch(module, presentation).isRegistrationChanged = true
    return { student, enrolment: enrolmentOf(student.state, module, presentation) }
  }

  /** A row that fails its checks is quarantined where its own table is kept, once, not here in every task. */
  #assessment(value: RawValues | null, ms: number): void {
    if (value === null) return
    const cleaned = cleanAssessment(value)
    if (!cleaned.isGood) return
    const id = assessmentKey(value)
    const state = this.#assessments.get(id) ?? emptyAssessment()
    const cells = assessmentColumns.map((column) => value[column] ?? null)
    const place = placeOf(value[sourceRowField])
    const change = joinVersion(state.versions ?? undefined, { ms, place, cells, isGood: true })
    if (change === null) return
    state.versions = change.versions
    if (change.clean !== null) {
      state.known = assessmentOf(assessmentValues(change.clean))
      this.#changedAssessments.add(id[0])
    }
    this.#assessments.put(id, state)
  }

  /** Copies what changed assessments say to everybody's results in them. */
  async #settleAssessments(): Promise<void> {
    const changed = [...this.#changedAssessments]
    this.#changedAssessments.clear()
    await this.#assessments.load(changed.map((id) => [id]))
    for (const id of changed) {
      const { known, results } = present(this.#assessments.get([id]), 'a changed assessment')
      if (results > 0) await this.#settleResults(id, known)
    }
  }

  async #settleResults(id: string, known: KnownAssessment | null): Promise<void> {
    const prefix = encodeTuple([id])
    let from: readonly [string, string] | undefined
    for (;;) {
      const range = { prefix, entriesMax: scanEntriesMax, ...(from === undefined ? {} : { from }) }
      const entries = await this.#resultStudents.range(range)
      const keys = entries.map(({ key }): StudentKey => [key[1]])
      await this.#students.load(keys)
      for (const key of keys) this.#settleResult(key, Number(id), known)
      const last = entries.at(-1)
      if (last === undefined || entries.length < scanEntriesMax) return
      from = [last.key[0], `${last.key[1]}\0`]
    }
  }

  #settleResult(key: StudentKey, assessment: number, of: KnownAssessment | null): void {
    const student = this.#touched.student(key)
    const result = present(findResult(student.state, assessment), 'a result that is listed')
    for (const each of [result.of, of]) {
      if (each !== null) student.touch(each.module, each.presentation)
    }
    student.results.add(assessment)
    putResult(student.state, { ...result, of })
  }
}

function assessmentKey(values: RawValues | CleanValues): readonly [string] {
  return [String(values['id_assessment'])]
}

/** Of cells that passed their checks. */
function assessmentValues(cells: readonly (string | null)[]): CleanValues {
  const row = assessmentColumns.map((column, index) => [column, cells[index] ?? null] as const)
  return cleanAssessment(Object.fromEntries(row)).values
}

function presentationOf(values: CleanValues): readonly [module: string, presentation: string] {
  return [String(values['code_module']), String(values['code_presentation'])]
}

function textOf(key: readonly KeyPart[]): string {
  return encodeTuple(key).toString('latin1')
}
