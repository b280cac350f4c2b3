/** The columns of a file against the fields of its schema: by name, whatever their order and case. */
import type { FileSchema } from '../../quality/file-schema.ts'
import type { ProblemList } from './drop-report.ts'

/** Of each column of the file, the place of its field; null where a column is wrong, which `problems` gets. */
export function matchHeader(
  columns: readonly string[],
  schema: FileSchema,
  problems: ProblemList,
): readonly number[] | null {
  const before = problems.total
  const names = schema.fields.map(({ name }) => name)
  const [only = ''] = columns
  if (columns.length === 1 && names.length > 1 && !names.includes(only.toLowerCase())) {
    const expected = `${names.length} names with ; , or tab between them`
    problems.add({ check: 'header_present', line: 1, column: '', expected, found: `one: ${only}` })
    return null
  }
  const seen = new Set<string>()
  const places = columns.map((column) => {
    const name = column.toLowerCase()
    const place = names.indexOf(name)
    if (place === -1) {
      const expected = `one of the ${names.length} fields: ${names.join(', ')}`
      problems.add({ check: 'field_expected', line: 1, column, expected, found: `a field ${name}` })
    } else if (seen.has(name)) {
      const expected = 'each field once'
      problems.add({ check: 'field_once', line: 1, column, expected, found: `${name} again` })
    }
    seen.add(name)
    return place
  })
  for (const name of names) {
    if (seen.has(name)) continue
    const expected = `a column ${name}`
    problems.add({ check: 'field_present', line: 1, column: name, expected, found: 'none' })
  }
  return problems.total === before ? places : null
}
