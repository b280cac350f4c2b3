/** Rows of courses: their presentations, and the modules that these are of. */
import { present } from '../../core/assert.ts'
import type { ModuleDimension, PresentationDimension } from '../../facts/open-university-star.ts'
import { avroSerde } from '../../schema/avro-serde.ts'
import type { RowContext } from '../fact-rows.ts'
import { dayOfPresentationMs, presentationStart } from './presentation.ts'
import type { CleanChange } from './table-rows.ts'

type RowKey = readonly (string | number)[]

export function presentationRow(
  { after }: CleanChange,
  { eventTimeMs, knownAtMs }: RowContext<RowKey>,
): PresentationDimension {
  const code = String(after['code_presentation'])
  const start = present(presentationStart(code), 'the start of a presentation that was checked')
  return {
    code_module: String(after['code_module']),
    code_presentation: code,
    module_presentation_length: after['module_presentation_length'] as number | null,
    start_year: start.year,
    start_month: start.month,
    event_time: eventTimeMs,
    known_at: knownAtMs,
  }
}

export interface Module {
  readonly presentations: number
  /** The latest of them, milliseconds since the epoch. */
  readonly startMs: number
}

export function moduleOfCourse({ after }: CleanChange): readonly [readonly [string], Module] {
  const startMs = dayOfPresentationMs(String(after['code_presentation']), 0)
  return [[String(after['code_module'])], { presentations: 1, startMs }]
}

export function sumModules(a: Module, b: Module): Module {
  return {
    presentations: a.presentations + b.presentations,
    startMs: Math.max(a.startMs, b.startMs),
  }
}

export function moduleRow(
  { presentations, startMs }: Module,
  { key: [code_module], knownAtMs }: RowContext<readonly [string]>,
): ModuleDimension {
  return { code_module, presentations, event_time: startMs, known_at: knownAtMs }
}

export const moduleSerde = avroSerde<Module>('modules', 1, {
  type: 'record',
  name: 'Module',
  fields: [
    { name: 'presentations', type: 'int' },
    { name: 'startMs', type: 'long' },
  ],
})
