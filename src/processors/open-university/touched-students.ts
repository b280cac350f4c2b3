/** The students that a batch changes: what their sums were before it, and which of their rows are made anew. */
import type { FactMetadata } from '../../facts/define.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import { GroupChanges, groupKinds, type Group, type GroupKey, type Share } from './groups.ts'
import { dayOfPresentationMs } from './presentation.ts'
import { enrolmentShares, groupedAttributes, weekShare, type EnrolmentShares } from './shares.ts'
import type { SiteDay, SiteDayKey } from './site-day.ts'
import {
  engagementRow,
  interactionRow,
  registeredModuleRow,
  resultRow,
  studentRow,
  studentWeekRow,
  type EnrolmentId,
} from './student-rows.ts'
import {
  dropEmptyEnrolments,
  emptyStudent,
  findEnrolment,
  findResult,
  type Student,
} from './student.ts'

type StudentKey = readonly [student: string]
/** Hands a row, or null for one that is gone, to a node. */
export type Forward = (
  to: string,
  eventTimeMs: number,
  key: readonly (string | number)[],
  value: FactMetadata | Group | null,
) => void

/** The names of the nodes that get the rows. */
export const studentRowPorts = {
  assessments: 'fact-assessments',
  interactions: 'fact-vle-interactions',
  registeredModules: 'dim-registered-module',
  students: 'dim-student',
  engagement: 'student-engagement',
  weeks: 'student-weekly-engagement',
  groups: 'group-changes',
} as const
const ports = studentRowPorts

export class TouchedStudents {
  readonly #store: KeyValueStore<StudentKey, Student>
  readonly #byKey = new Map<string, TouchedStudent>()
  readonly #groups = new GroupChanges()

  constructor(store: KeyValueStore<StudentKey, Student>) {
    this.#store = store
  }

  /** Its state must be loaded. */
  student(key: StudentKey): TouchedStudent {
    let touched = this.#byKey.get(key[0])
    if (touched === undefined) {
      touched = new TouchedStudent(key, this.#store.get(key) ?? emptyStudent())
      this.#byKey.set(key[0], touched)
      // Before it changes: then a batch that is given up takes the changes with it.
      this.#store.put(key, touched.state)
    }
    return touched
  }

  forwardSites(
    [id_student, code_module, code_presentation, day]: SiteDayKey,
    { sites }: SiteDay,
    touched: ReadonlySet<number>,
    knownAtMs: number,
    forward: Forward,
  ): void {
    const id = { id_student, code_module, code_presentation }
    const eventTimeMs = dayOfPresentationMs(code_presentation, day)
    for (const site of touched) {
      const clicks = sites.find((each) => each.site === site)
      const row = clicks === undefined ? null : interactionRow(id, day, clicks, knownAtMs)
      const key = [code_module, code_presentation, id_student, site, day]
      forward(ports.interactions, eventTimeMs, key, row)
    }
  }

  /** Forwards the rows and what the sums change by, and begins anew. */
  flush(knownAtMs: number, forward: Forward): void {
    for (const touched of this.#byKey.values()) {
      dropEmptyEnrolments(touched.state)
      touched.forwardRows(knownAtMs, forward, this.#groups)
    }
    this.#byKey.clear()
    for (const [key, change] of this.#groups.take()) {
      forward(ports.groups, dayOfPresentationMs(key[2], 0), key, change)
    }
  }
}

export class TouchedStudent {
  readonly key: StudentKey
  readonly state: Student
  /** Assessments whose results changed. */
  readonly results = new Set<number>()
  isInfoChanged = false
  readonly #enrolments: TouchedEnrolment[] = []

  constructor(key: StudentKey, state: Student) {
    this.key = key
    this.state = state
  }

  /** To be called before the state changes. */
  touch(module: string, presentation: string): TouchedEnrolment {
    const known = this.#enrolments.find(
      (each) => each.module === module && each.presentation === presentation,
    )
    if (known !== undefined) return known
    const touched = new TouchedEnrolment(this.state, module, presentation)
    this.#enrolments.push(touched)
    return touched
  }

  forwardRows(knownAtMs: number, forward: Forward, groups: GroupChanges): void {
    const id = Number(this.key[0])
    for (const assessment of this.results) {
      const result = findResult(this.state, assessment)
      if (result === undefined) continue
      const row = resultRow(id, result, knownAtMs)
      forward(ports.assessments, row.event_time, [assessment, id], row)
    }
    if (this.isInfoChanged) {
      const row = studentRow(id, this.state, knownAtMs)
      forward(ports.students, row?.event_time ?? knownAtMs, [id], row)
    }
    for (const each of this.#enrolments) each.forwardRows(id, knownAtMs, forward, groups)
  }
}

class TouchedEnrolment {
  readonly module: string
  readonly presentation: string
  isRegistrationChanged = false
  readonly #state: Student
  readonly #before: EnrolmentShares | null
  /** By week, what the student added to it before the batch. */
  readonly #weeks = new Map<number, Share | null>()

  constructor(state: Student, module: string, presentation: string) {
    this.#state = state
    this.module = module
    this.presentation = presentation
    this.#before = enrolmentShares(state, module, presentation)
  }

  /** To be called before the week's days change. */
  touchWeek(week: number): void {
    if (!this.#weeks.has(week)) this.#weeks.set(week, this.#weekShare(week))
  }

  forwardRows(id_student: number, knownAtMs: number, forward: Forward, groups: GroupChanges): void {
    const { module, presentation } = this
    const key = [module, presentation, id_student] as const
    const id: EnrolmentId = { id_student, code_module: module, code_presentation: presentation }
    const startMs = dayOfPresentationMs(presentation, 0)
    if (this.isRegistrationChanged) {
      const row = registeredModuleRow(id, this.#state, knownAtMs)
      forward(ports.registeredModules, row?.event_time ?? startMs, key, row)
    }
    const row = engagementRow(id, this.#state, knownAtMs)
    forward(ports.engagement, row?.event_time ?? startMs, key, row)
    for (const [week, before] of this.#weeks) {
      const row = studentWeekRow(id, this.#state, week, knownAtMs)
      forward(ports.weeks, row?.event_time ?? startMs, [...key, week], row)
      const group: GroupKey = [groupKinds.week, module, presentation, week, '']
      groups.replace(group, before, this.#weekShare(week))
    }
    this.#replaceShares(groups)
  }

  #replaceShares(groups: GroupChanges): void {
    const { module, presentation } = this
    const before = this.#before
    const after = enrolmentShares(this.#state, module, presentation)
    const funnel: GroupKey = [groupKinds.funnel, module, presentation, '', '']
    groups.replace(funnel, before?.funnel ?? null, after?.funnel ?? null)
    const attribute = (name: string, value: string): GroupKey => [
      groupKinds.attribute,
      module,
      presentation,
      name,
      value,
    ]
    for (const [index, name] of groupedAttributes.entries()) {
      const [was, is] = [before?.attributes[index] ?? null, after?.attributes[index] ?? null]
      if (was !== null && was.value === is?.value) {
        groups.replace(attribute(name, was.value), was.share, is.share)
        continue
      }
      if (was !== null) groups.replace(attribute(name, was.value), was.share, null)
      if (is !== null) groups.replace(attribute(name, is.value), null, is.share)
    }
  }

  #weekShare(week: number): Share | null {
    const days = findEnrolment(this.#state, this.module, this.presentation)?.days
    return days === undefined ? null : weekShare(days, week)
  }
}
