/** Assessments as one task keeps them, and who has a result in them. */
import { avroSerde } from '../../schema/avro-serde.ts'
import type { CleanValues } from '../../facts/open-university-tables.ts'
import type { KnownAssessment } from './student.ts'
import {
  earlierVersionsSchema,
  upgradeVersions,
  versionsSchema,
  type EarlierVersions,
  type Versions,
} from './versions.ts'

export interface AssessmentState {
  /** Good ones only; null before the first. */
  versions: Versions | null
  /** What the latest says. */
  known: KnownAssessment | null
  /** Results of this task: a scan is only worth it where there are some. */
  results: number
}

export function emptyAssessment(): AssessmentState {
  return { versions: null, known: null, results: 0 }
}

export function assessmentOf(values: CleanValues): KnownAssessment {
  return {
    module: String(values['code_module']),
    presentation: String(values['code_presentation']),
    type: values['assessment_type'] as string | null,
    due: values['date'] as number | null,
    weight: values['weight'] as number | null,
  }
}

const text = ['null', 'string']

function stateSchema(versions: object): object {
  return {
    type: 'record',
    name: 'AssessmentState',
    fields: [
      { name: 'versions', type: ['null', versions] },
      {
        name: 'known',
        type: [
          'null',
          {
            type: 'record',
            name: 'Known',
            fields: [
              { name: 'module', type: 'string' },
              { name: 'presentation', type: 'string' },
              { name: 'type', type: text },
              { name: 'due', type: ['null', 'int'] },
              { name: 'weight', type: ['null', 'double'] },
            ],
          },
        ],
      },
      { name: 'results', type: 'long' },
    ],
  }
}

type EarlierState = Omit<AssessmentState, 'versions'> & {
  readonly versions: EarlierVersions | null
}

export const assessmentSerde = avroSerde<AssessmentState>(
  'known assessments',
  2,
  stateSchema(versionsSchema),
  [
    {
      layout: 1,
      schema: stateSchema(earlierVersionsSchema),
      upgrade: ({ versions, ...state }: EarlierState) => ({
        ...state,
        versions: versions === null ? null : upgradeVersions(versions),
      }),
    },
  ],
)
