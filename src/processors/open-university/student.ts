/**
 * What is known of one student, as one value: the presentations with their active days, and the results. Only here is
 * it changed; a student has a presentation or five, a few hundred days and a few dozen results.
 */
import type { StudentAttributes } from '../../facts/open-university-star.ts'
import type { CleanValues } from '../../facts/open-university-tables.ts'
import { avroSerde } from '../../schema/avro-serde.ts'

/** Days from the start of the presentation. */
export interface Registration {
  readonly date_registration: number | null
  readonly date_unregistration: number | null
}

export interface Day {
  readonly day: number
  rows: number
  clicks: number
}

export interface Enrolment {
  readonly module: string
  readonly presentation: string
  info: StudentAttributes | null
  registration: Registration | null
  /** Ascending; every day with a row of clicks. */
  days: Day[]
}

/** What an assessment says, copied to its results. */
export interface KnownAssessment {
  readonly module: string
  readonly presentation: string
  readonly type: string | null
  readonly due: number | null
  readonly weight: number | null
}

export interface Result {
  readonly assessment: number
  readonly submitted: number | null
  readonly isBanked: boolean
  readonly score: number | null
  /** Null while the assessment is unknown. */
  readonly of: KnownAssessment | null
}

export interface Student {
  readonly enrolments: Enrolment[]
  /** By assessment, ascending. */
  readonly results: Result[]
}

export function emptyStudent(): Student {
  return { enrolments: [], results: [] }
}

export function findEnrolment(
  { enrolments }: Student,
  module: string,
  presentation: string,
): Enrolment | undefined {
  return enrolments.find((each) => each.module === module && each.presentation === presentation)
}

/** Made where there is none. */
export function enrolmentOf(student: Student, module: string, presentation: string): Enrolment {
  const known = findEnrolment(student, module, presentation)
  if (known !== undefined) return known
  const made = { module, presentation, info: null, registration: null, days: [] }
  student.enrolments.push(made)
  return made
}

/** Leaves out the presentations of which nothing is left. */
export function dropEmptyEnrolments({ enrolments }: Student): void {
  for (let index = enrolments.length - 1; index >= 0; index--) {
    const each = enrolments[index]
    if (each?.info === null && each.registration === null && each.days.length === 0) {
      enrolments.splice(index, 1)
    }
  }
}

/** Puts rows of clicks into a day, or takes them out with negative numbers. */
export function addClicks(enrolment: Enrolment, day: number, rows: number, clicks: number): void {
  const { days } = enrolment
  const index = placeOf(days, day)
  const known = days[index]
  if (known?.day !== day) {
    days.splice(index, 0, { day, rows, clicks })
    return
  }
  known.rows += rows
  known.clicks += clicks
  if (known.rows === 0) days.splice(index, 1)
}

/** From the end: clicks mostly come in the order of days. */
function placeOf(days: readonly Day[], day: number): number {
  let index = days.length
  while (index > 0 && (days[index - 1]?.day ?? day) >= day) index--
  return index
}

export function putResult({ results }: Student, result: Result): void {
  let index = results.length
  while (index > 0 && (results[index - 1]?.assessment ?? 0) >= result.assessment) index--
  const replaced = results[index]?.assessment === result.assessment ? 1 : 0
  results.splice(index, replaced, result)
}

export function findResult({ results }: Student, assessment: number): Result | undefined {
  return results.find((each) => each.assessment === assessment)
}

/** Its results that are known to belong to the presentation. */
export function resultsOf(
  { results }: Student,
  module: string,
  presentation: string,
): readonly Result[] {
  return results.filter(({ of }) => of?.module === module && of.presentation === presentation)
}

/** Days after it was due, negative before; null where that cannot be said, or the result is banked. */
export function daysLateOf({ submitted, isBanked, of }: Result): number | null {
  if (isBanked || submitted === null || of === null || of.due === null) return null
  return submitted - of.due
}

/** Of a row of studentInfo. */
export function attributesOf(values: CleanValues): StudentAttributes {
  const { gender, region, highest_education, imd_band, age_band, disability } = values as Record<
    string,
    string | null
  >
  const { num_of_prev_attempts, studied_credits } = values as Record<string, number | null>
  return {
    gender: gender ?? null,
    region: region ?? null,
    highest_education: highest_education ?? null,
    imd_band: imd_band ?? null,
    age_band: age_band ?? null,
    num_of_prev_attempts: num_of_prev_attempts ?? null,
    studied_credits: studied_credits ?? null,
    disability: disability ?? null,
    final_result: (values['final_result'] as string | null | undefined) ?? null,
  }
}

const text = ['null', 'string']
const int = ['null', 'int']

export const studentSerde = avroSerde<Student>('students', 1, {
  type: 'record',
  name: 'Student',
  fields: [
    {
      name: 'enrolments',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'Enrolment',
          fields: [
            { name: 'module', type: 'string' },
            { name: 'presentation', type: 'string' },
            {
              name: 'info',
              type: [
                'null',
                {
                  type: 'record',
                  name: 'Info',
                  fields: [
                    { name: 'gender', type: text },
                    { name: 'region', type: text },
                    { name: 'highest_education', type: text },
                    { name: 'imd_band', type: text },
                    { name: 'age_band', type: text },
                    { name: 'num_of_prev_attempts', type: int },
                    { name: 'studied_credits', type: int },
                    { name: 'disability', type: text },
                    { name: 'final_result', type: text },
                  ],
                },
              ],
            },
            {
              name: 'registration',
              type: [
                'null',
                {
                  type: 'record',
                  name: 'Registration',
                  fields: [
                    { name: 'date_registration', type: int },
                    { name: 'date_unregistration', type: int },
                  ],
                },
              ],
            },
            {
              name: 'days',
              type: {
                type: 'array',
                items: {
                  type: 'record',
                  name: 'Day',
                  fields: [
                    { name: 'day', type: 'int' },
                    { name: 'rows', type: 'int' },
                    { name: 'clicks', type: 'long' },
                  ],
                },
              },
            },
          ],
        },
      },
    },
    {
      name: 'results',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'Result',
          fields: [
            { name: 'assessment', type: 'long' },
            { name: 'submitted', type: int },
            { name: 'isBanked', type: 'boolean' },
            { name: 'score', type: ['null', 'double'] },
            {
              name: 'of',
              type: [
                'null',
                {
                  type: 'record',
                  name: 'Known',
                  fields: [
                    { name: 'module', type: 'string' },
                    { name: 'presentation', type: 'string' },
                    { name: 'type', type: text },
                    { name: 'due', type: int },
                    { name: 'weight', type: ['null', 'double'] },
                  ],
                },
              ],
            },
          ],
        },
      },
    },
  ],
})
