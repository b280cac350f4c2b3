/** OULAD for whichever of its two topologies an instance runs: the tables for one, exam scores for the other. */
import { statSync } from 'node:fs'
import { messageOf, TidemarkError } from '../core/errors.ts'
import { importOuladScores } from '../sources/import-oulad.ts'
import { importOuladTables, type OuladTablesOptions } from '../sources/import-oulad-tables.ts'
import type { ImportReport } from '../sources/import-report.ts'

/** @throws TidemarkError as of the two; TOPIC_UNKNOWN where the instance runs neither */
export async function importOulad(options: OuladTablesOptions): Promise<ImportReport> {
  const tables = await unlessUnknown(() => importOuladTables(options))
  const reports = [tables]
  for (const directory of options.paths.filter(isDirectory)) {
    const scores = () => importOuladScores({ ...options, directory })
    const isNeeded = tables === null
    reports.push(await unlessUnknown(isNeeded ? scores : () => orWarning(scores)))
  }
  const done = reports.filter((report) => report !== null)
  if (done.length === 0) {
    throw new TidemarkError(
      'TOPIC_UNKNOWN',
      'the instance runs neither open-university nor exam-scores; start it with --topologies open-university',
    )
  }
  return {
    topics: new Map(done.flatMap(({ topics }) => [...topics])),
    leftOut: new Map(done.flatMap(({ leftOut }) => [...leftOut])),
    warnings: done.flatMap(({ warnings = [] }) => warnings),
  }
}

async function unlessUnknown(run: () => Promise<ImportReport>): Promise<ImportReport | null> {
  try {
    return await run()
  } catch (thrown) {
    if (thrown instanceof TidemarkError && thrown.code === 'TOPIC_UNKNOWN') return null
    throw thrown
  }
}

/** Without the files that exam scores need there are none; the tables are in all the same. */
async function orWarning(run: () => Promise<ImportReport>): Promise<ImportReport> {
  try {
    return await run()
  } catch (thrown) {
    if (!(thrown instanceof TidemarkError) || thrown.code !== 'SOURCE_UNREADABLE') throw thrown
    const warnings = [`no exam scores are imported: ${messageOf(thrown)}`]
    return { topics: new Map(), leftOut: new Map(), warnings }
  }
}

function isDirectory(path: string): boolean {
  return statSync(path).isDirectory()
}
