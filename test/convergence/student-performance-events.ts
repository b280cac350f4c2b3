/** Small worlds of dropped files: contents in some parts, dropped under several names at several times, some records bad,
 * some retracted, some as earlier versions sent them: without the file's name. */
import fc from 'fast-check'
import { loadFileSchema } from '../../src/quality/file-schema.ts'
import type { SourceEvent } from './scenario.ts'

const baseMs = 1_700_000_000_000
const { fields } = loadFileSchema('student-performance')

export const studentEvents: fc.Arbitrary<SourceEvent[]> = fc.array(
  fc
    .record({
      hash: fc.constantFrom('h1', 'h2', 'h3'),
      part: fc.constantFrom(0, 1, 2),
      name: fc.constantFrom('a.csv', 'b.csv'),
      step: fc.integer({ min: 0, max: 4 }),
      isLast: fc.boolean(),
      isBad: fc.boolean(),
      isRetracted: fc.boolean(),
      isNamed: fc.integer({ min: 0, max: 3 }).map((number) => number > 0),
    })
    .map(({ hash, part, name, step, isLast, isBad, isRetracted, isNamed }): SourceEvent => {
      const batch = isLast ? 2 : part
      // Rows follow from content and part alone; a file's last part alone says what the file was.
      const count = isRetracted ? 0 : hash.charCodeAt(1) % 3
      const timestampMs = baseMs + step * 1000
      const value: Record<string, unknown> = {
        file_hash: hash,
        batch,
        row_number: Array.from({ length: count }, (_, row) => batch * 10 + row + 1),
        dropped_at: timestampMs,
        file: isLast
          ? {
              file_name: name,
              bytes: 100,
              batches: 3,
              rows_read: 6,
              rows_removed: 0,
              findings: [{ check: 'outliers', column: 'age', rows: 1, detail: 'x' }],
            }
          : null,
      }
      value['is_retracted'] = isRetracted
      value['file_name'] = isNamed ? name : null
      for (const field of fields) {
        const code = field.type === 'text' ? batch % field.values.length : field.range[0]
        value[field.name] = Buffer.alloc(count + (isBad && field.name === 'g3' ? 1 : 0), code)
      }
      return { topic: 'student_performance', value, timestampMs }
    }),
  { minLength: 1, maxLength: 20 },
)
