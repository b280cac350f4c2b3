/** Rows on standard output: a table for people, JSON and CSV (RFC 4180) for programs. */
import type { OutputFormat } from './common-options.ts'

export type PrintedRow = Readonly<Record<string, string | number | boolean | null>>

export function printRows(
  rows: readonly PrintedRow[],
  columns: readonly string[],
  format: OutputFormat,
) {
  process.stdout.write(rowsText(rows, columns, format))
}

export function rowsText(
  rows: readonly PrintedRow[],
  columns: readonly string[],
  format: OutputFormat,
): string {
  if (format === 'json') return `${JSON.stringify(rows, null, 2)}\n`
  if (format === 'csv') {
    const lines = [columns, ...rows.map((row) => columns.map((column) => cellText(row[column])))]
    return lines.map((cells) => `${cells.map(csvCell).join(',')}\n`).join('')
  }
  if (rows.length === 0) return '(no rows)\n'
  const cells = [columns, ...rows.map((row) => columns.map((column) => cellText(row[column])))]
  const widths = columns.map((_, index) =>
    Math.max(...cells.map((line) => line[index]?.length ?? 0)),
  )
  return cells
    .map(
      (line) =>
        `${line
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

function cellText(value: string | number | boolean | null | undefined): string {
  return value === null || value === undefined ? '' : String(value)
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
