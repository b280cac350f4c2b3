/** What is expected of files of student performance. Ranges and allowed values are those of the file’s schema. */
import * as facts from '../../../facts/student-performance.ts'
import { loadFileSchema } from '../../../quality/file-schema.ts'
import {
  agrees,
  atLeast,
  oneOf,
  range,
  type RowCheck,
  type TopologyExpectations,
} from '../expectation.ts'

const { fields } = loadFileSchema('student-performance')

const ofFields: readonly RowCheck[] = fields.map((field) =>
  field.type === 'text'
    ? oneOf(field.name, field.values)
    : range(field.name, field.range[0], field.range[1]),
)

export const studentPerformance: TopologyExpectations = {
  topology: 'student-performance',
  tables: [
    {
      fact: facts.studentData,
      // The view has one row per student.
      key: ['file_hash', 'row_number'],
      naturalKey: fields.map(({ name }) => name),
      isArrival: true,
      rows: ofFields,
    },
    {
      // Its time is when the file was last changed, which may be long before it was dropped.
      fact: facts.drops,
      rows: [
        atLeast('rows_read', 0),
        atLeast('bytes', 0),
        agrees('removed_within_read', 'rows_removed >= 0 AND rows_removed <= rows_read'),
        {
          name: 'rows_without_missing_values',
          dimension: 'completeness',
          level: 'Warning',
          holds: 'rows_removed * 5 <= rows_read',
        },
        agrees(
          'findings_whole',
          'length(finding_check) = length(finding_rows) AND length(finding_check) = length(finding_column) AND length(finding_check) = length(finding_detail)',
        ),
      ],
      totals: [
        {
          name: 'rows_add_up',
          total: 'rows_read - rows_removed',
          of: 'student_performance.student_data',
          sum: 'count()',
          by: { file_hash: 'file_hash' },
        },
      ],
    },
  ],
  unjudged: {},
}
