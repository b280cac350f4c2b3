/** Files like the real one, each with its rows in another order: so each has a content of its own. */
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../../src/sources/random.ts'

export interface DropWork {
  /** Where each run makes a directory of its own. */
  readonly directory: string
  readonly files: number
}

/** What a run was asked to do. */
export function askedWork(): DropWork {
  return JSON.parse(process.argv[2] ?? '') as DropWork
}

const sample = new URL('../../samples/student-performance/student-mat.csv', import.meta.url)
/** Long ago, so that no file has to be waited for. */
const modifiedSeconds = 1_700_000_000

export const rowsPerFile = 395

export function writeFiles(directory: string, count: number): void {
  mkdirSync(directory, { recursive: true })
  const [header = '', ...rows] = readFileSync(sample, 'utf8').trimEnd().split('\n')
  const random = new Random(1)
  for (let file = 0; file < count; file++) {
    for (let last = rows.length - 1; last > 0; last--) {
      const other = random.integer(last + 1)
      const row = rows[last] ?? ''
      rows[last] = rows[other] ?? ''
      rows[other] = row
    }
    const path = join(directory, `f${file}.csv`)
    writeFileSync(path, `${[header, ...rows].join('\n')}\n`)
    utimesSync(path, modifiedSeconds, modifiedSeconds)
  }
}
