/** One run of the drop folder in a process of its own; prints its figures as one line of JSON. */
import { mkdtempSync, readdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfiguration } from '../../src/app/configuration.ts'
import { openDropFolder, type OpenedDropFolder } from '../../src/app/drop-folder.ts'
import { openInstance, type Instance } from '../../src/app/instance.ts'
import { askedWork, rowsPerFile, writeFiles } from './workload.ts'

export interface DropFigures {
  /** From the drop until rows are queryable and Parquet is written. */
  readonly seconds: number
  /** Of all cores together, in that time. */
  readonly processorSeconds: number
  readonly rows: number
  /** Resident, until rows are queryable. */
  readonly peakBytes: number
  /** With the question how many rows there are: it reads them all, and may hold what any question may. */
  readonly countedPeakBytes: number
  readonly csvBytes: number
  readonly parquetBytes: number
}

/** One more than are measured: the first warms up. */
const work = askedWork()
const files = work.files + 1
const idleMs = 3_600_000
const directory = mkdtempSync(join(work.directory, 'drops-'))
process.stdout.write(`${JSON.stringify(await run())}\n`)

async function run(): Promise<DropFigures> {
  const configuration = loadConfiguration({
    flags: { dataDir: join(directory, 'data'), workers: 1, topologies: ['student-performance'] },
    // What reads the tables every few minutes would come into the longest run alone.
    environment: { TIDEMARK_QUALITY_CHECK_INTERVAL_MS: '0' },
    directory,
  })
  const staged = join(directory, 'staged')
  writeFiles(staged, files)
  const instance = await openInstance(configuration, { listen: false })
  const opened = openDropFolder(instance.services, join(directory, 'drop'))
  try {
    return await measure(instance, opened, staged)
  } finally {
    await opened.close()
    await instance.stop()
  }
}

async function measure(
  instance: Instance,
  { folder }: OpenedDropFolder,
  staged: string,
): Promise<DropFigures> {
  const dropped = join(directory, 'drop')
  // The threads that read are there before the files come, as in an instance that runs.
  await warmUp(instance, folder, staged)
  const rowsBefore = await rowsOf(instance)
  const names = readdirSync(staged)
  const startMs = performance.now()
  const before = process.cpuUsage()
  for (const name of names) renameSync(join(staged, name), join(dropped, name))
  const { done } = await folder.drain()
  if (!(await instance.whenIdle(idleMs))) throw new Error('the rows did not become queryable')
  const peakBytes = peakResidentBytes()
  const rows = (await rowsOf(instance)) - rowsBefore
  const seconds = (performance.now() - startMs) / 1000
  const { user, system } = process.cpuUsage(before)
  if (done !== files || rows !== (files - 1) * rowsPerFile) {
    throw new Error(`${done} files done, ${rows} rows queryable`)
  }
  const parquet = readdirSync(join(dropped, 'parquet'))
  const parquetBytes = parquet.reduce(
    (sum, name) => sum + statSync(join(dropped, 'parquet', name)).size,
    0,
  )
  return {
    seconds,
    processorSeconds: (user + system) / 1e6,
    rows,
    peakBytes,
    countedPeakBytes: peakResidentBytes(),
    csvBytes: statSync(join(dropped, 'done', 'f0.csv')).size,
    parquetBytes: Math.round(parquetBytes / parquet.length),
  }
}

function peakResidentBytes(): number {
  return process.resourceUsage().maxRSS * 1024
}

/** With the first file, which counts in neither time nor rows. */
async function warmUp(
  instance: Instance,
  folder: OpenedDropFolder['folder'],
  staged: string,
): Promise<void> {
  renameSync(join(staged, 'f0.csv'), join(directory, 'drop', 'f0.csv'))
  await folder.drain()
  if (!(await instance.whenIdle(idleMs))) throw new Error('the first rows did not become queryable')
}

async function rowsOf({ services }: Instance): Promise<number> {
  const result = await services.clickhouse.reader.query({
    query: 'SELECT count() AS rows FROM student_performance.student_data',
    format: 'JSONEachRow',
  })
  const [row] = await result.json<{ rows: string }>()
  return Number(row?.rows)
}
