/** `ingest student_performance FILE…`: whole files, judged by their schema. */
import type { InstanceClient } from '../app/instance-client.ts'
import { systemClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { loadFileSchema } from '../quality/file-schema.ts'
import { describeProblem } from '../sources/drops/drop-report.ts'
import { ingestDropFiles } from '../sources/drops/ingest-drop-files.ts'
import { queryRows } from './query-rows.ts'

/** Files of this topic are judged as a whole, where each is delimited text. */
export const droppedTopic = loadFileSchema('student-performance').topic

export function isTable(file: string): boolean {
  return /\.(csv|tsv|txt)(\.gz)?$/i.test(file)
}

export interface IngestedFiles {
  readonly taken: number
  readonly refused: number
  readonly unreadable: number
  readonly rows: number
}

/** Prints what became of each file; the exit code is 1 where one was not taken. */
export async function ingestDrops(
  client: InstanceClient,
  files: readonly string[],
  signal: AbortSignal,
): Promise<IngestedFiles> {
  const totals = { taken: 0, refused: 0, unreadable: 0, rows: 0 }
  const schema = loadFileSchema('student-performance')
  const outcomes = ingestDropFiles({
    files,
    schema,
    ingest: client.port,
    clock: systemClock,
    counts: countedBefore(client),
    signal,
  })
  for await (const outcome of outcomes) {
    if (outcome.kind === 'taken') {
      const { rows_read, rows_removed, findings } = outcome.file
      totals.taken += 1
      totals.rows += rows_read - rows_removed
      process.stdout.write(
        `${outcome.path}: ${rows_read - rows_removed} rows taken, ${rows_removed} removed\n`,
      )
      for (const { check, column, rows, detail } of findings) {
        const where = column === '' ? '' : ` ${column}`
        process.stdout.write(`  ${check}${where}: ${rows} rows, ${detail}\n`)
      }
      continue
    }
    process.exitCode = 1
    if (outcome.kind === 'unreadable') {
      totals.unreadable += 1
      process.stderr.write(`SOURCE_UNREADABLE: ${outcome.path}: ${outcome.why}\n`)
      continue
    }
    totals.refused += 1
    const { problems, problems_total } = outcome.report
    process.stderr.write(`${outcome.path}: refused, nothing of it was taken\n`)
    for (const problem of problems) process.stderr.write(`  ${describeProblem(problem)}\n`)
    const more = problems_total - problems.length
    if (more > 0) process.stderr.write(`  and ${more} more\n`)
  }
  if (signal.aborted) process.exitCode = 1
  return totals
}

/** Whether rows of a content are queryable; no, and a warning, where the client may not ask or cannot. */
function countedBefore(client: InstanceClient): (contentHash: string) => Promise<boolean> {
  const query = 'SELECT 1 FROM student_performance.drops WHERE file_hash = {hash:String} LIMIT 1'
  return async (contentHash) => {
    try {
      return (await queryRows(client, query, { hash: contentHash })).length > 0
    } catch (thrown) {
      if (!(thrown instanceof TidemarkError)) throw thrown
      const unknown = 'whether an earlier version has taken this packed file is not known'
      process.stderr.write(`warning: ${unknown}: ${thrown.message}\n`)
      return false
    }
  }
}
