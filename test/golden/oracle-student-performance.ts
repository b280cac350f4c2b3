/**
 * Student performance, computed a second time: everything in memory, as text. The rules are README.md's beside this file
 * and seed 003's. Imports nothing from the product.
 *
 *   node test/golden/oracle-student-performance.ts CSV…
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

export type StudentRow = Record<string, string | number>

export interface StudentFile {
  hash: string
  /** In lower case, with `file_hash` and `row_number`; without the rows that lack a value. */
  rows: StudentRow[]
  removed: number
}

const numbers = new Set(
  'age medu fedu traveltime studytime failures famrel freetime goout dalc walc health absences g1 g2 g3'.split(
    ' ',
  ),
)

/** A file with semicolons, as UCI gives it. */
export function fileOf(bytes: Buffer): StudentFile {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 32)
  const [header = '', ...lines] = bytes
    .toString('utf8')
    .split(/\r?\n/)
    .filter((line) => line !== '')
  const cells = (line: string) =>
    line.split(';').map((cell) => cell.replaceAll('"', '').toLowerCase())
  const names = cells(header)
  const rows: StudentRow[] = []
  for (const [index, line] of lines.entries()) {
    const values = cells(line)
    if (values.some((value) => value === '' || value === '?')) continue
    const row: StudentRow = { file_hash: hash, row_number: index + 1 }
    for (const [column, name] of names.entries()) {
      const value = values[column] ?? ''
      row[name] = numbers.has(name) ? Number(value) : value
    }
    rows.push(row)
  }
  return { hash, rows, removed: lines.length - rows.length }
}

/** The five questions of the seed. */
export function answersOf(rows: readonly StudentRow[]) {
  return {
    'mothers-jobs': [
      ...new Set(
        rows
          .filter((row) => row['sex'] === 'm' && Number(row['age']) < 20)
          .map((row) => row['mjob']),
      ),
    ]
      .sort()
      .map((mjob) => ({ mjob })),
    'rural-travel-time': most(
      rows.filter((row) => row['address'] === 'r'),
      'traveltime',
    )
      .slice(0, 1)
      .map(([traveltime, count]) => ({ traveltime, count })),
    'fathers-jobs': ['a', 't'].flatMap((pstatus) =>
      most(
        rows.filter((row) => row['pstatus'] === pstatus),
        'fjob',
      )
        .slice(0, 3)
        .map(([fjob, job_count]) => ({ pstatus, fjob, job_count })),
    ),
    'class-failures': ['gt3', 'le3'].flatMap((famsize) =>
      most(
        rows.filter((row) => row['famsize'] === famsize),
        'failures',
      )
        .slice(0, 1)
        .map(([failures, class_fail_count]) => ({ famsize, failures, class_fail_count })),
    ),
    'median-absences': ['f', 'm'].flatMap((sex) =>
      [1, 2, 3].map((famrel) => ({
        sex,
        famrel,
        median_absences: median(
          rows
            .filter((row) => row['sex'] === sex && row['famrel'] === famrel)
            .map((row) => Number(row['absences'])),
        ),
      })),
    ),
  }
}

/** The values of a column and how often each is there, the most frequent first. */
function most(rows: readonly StudentRow[], column: string): [string | number, number][] {
  const counts = new Map<string | number, number>()
  for (const row of rows) {
    const value = row[column] ?? ''
    counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [Math.floor((sorted.length - 1) / 2), Math.ceil((sorted.length - 1) / 2)]
  return ((sorted[low] ?? NaN) + (sorted[high] ?? NaN)) / 2
}

if (process.argv[1] === import.meta.filename) {
  const rows = process.argv.slice(2).flatMap((path) => fileOf(readFileSync(path)).rows)
  console.log(JSON.stringify(answersOf(rows), null, 2))
}
