/** OULAD for whichever of its two topologies an instance runs: the tables for one, exam scores for the other. */
import { statSync } from 'node:fs'
import { messageOf, TidemarkError } from '../core/errors.ts'
import { tableSpecs } from '../facts/open-university-tables.ts'
import { importOuladScores, scoresTopic } from '../sources/import-oulad.ts'
import { findOuladFiles, type OuladFile } from '../sources/import-oulad-files.ts'
import { importOuladTables, type OuladTablesOptions } from '../sources/import-oulad-tables.ts'
import type { ImportReport } from '../sources/import-report.ts'
import type { IngestPort } from '../sources/ingest-port.ts'

/** @throws TidemarkError as of the two; TOPIC_UNKNOWN where the instance runs neither */
export async function importOulad(options: OuladTablesOptions): Promise<ImportReport> {
  const tables = await unlessUnknown(() => importOuladTables(options))
  const reports = [tables]
  const isNeeded = tables === null
  for (const run of await scoreImports(options, isNeeded)) {
    reports.push(await unlessUnknown(() => orWarning(run, options.ingest, isNeeded)))
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

/** One of each directory; and one that says why it cannot, where results came as single files. */
async function scoreImports(
  options: OuladTablesOptions,
  isNeeded: boolean,
): Promise<readonly (() => Promise<ImportReport>)[]> {
  const { paths } = options
  const directories = paths.filter(isDirectory)
  const imports = directories.map((directory) => () => importOuladScores({ ...options, directory }))
  const single = await singleFiles(paths.filter((path) => !directories.includes(path)))
  const results = single.filter(({ spec }) => isNeeded || spec === tableSpecs.studentAssessment)
  if (results.length === 0) return imports
  const came = results.map(({ path }) => path).join(', ')
  const reason = `${came} came without its folder; ${needed}`
  return [...imports, () => Promise.reject(new TidemarkError('SOURCE_UNREADABLE', reason))]
}

const needed =
  'exam scores need studentAssessment.csv and assessments.csv in one folder: import that folder'

async function singleFiles(paths: readonly string[]): Promise<readonly OuladFile[]> {
  if (paths.length === 0) return []
  return (await findOuladFiles(paths, false)).files
}

/** Without the files that exam scores need there are none; the tables are in all the same. */
async function orWarning(
  run: () => Promise<ImportReport>,
  ingest: IngestPort,
  isNeeded: boolean,
): Promise<ImportReport> {
  try {
    return await run()
  } catch (thrown) {
    if (!(thrown instanceof TidemarkError) || thrown.code !== 'SOURCE_UNREADABLE') throw thrown
    // Files are looked for first: an instance that does not want them has to say so before they are missed.
    await ingest.ingest(scoresTopic, [], { onError: 'quarantine', source: 'file' })
    if (isNeeded) throw thrown
    const reason = messageOf(thrown)
    const hint = reason.includes(needed) ? '' : `; ${needed}`
    const warnings = [`no exam scores are imported: ${reason}${hint}`]
    return { topics: new Map(), leftOut: new Map(), warnings }
  }
}

function isDirectory(path: string): boolean {
  return statSync(path).isDirectory()
}
