import { rowChecksOf } from './derived-checks.ts'
import type { TableExpectations } from './expectation.ts'
import { qualityDefaults } from './quality-options.ts'
import { uniqueness } from './table-checks.ts'

/** All checks of a table that have rows which fail, and so a threshold. */
export function checkNamesOf(table: TableExpectations): readonly string[] {
  return [
    ...rowChecksOf(table, qualityDefaults),
    ...uniqueness(table).map(({ check }) => check),
    ...(table.totals ?? []),
    ...(table.outliers ?? []),
    ...(table.unusual ?? []),
  ].map(({ name }) => name)
}
