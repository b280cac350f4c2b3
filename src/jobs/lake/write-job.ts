/** `lake.write`: what has changed since the last write, then retention and colder classes. `lake.cleanup`: these alone. */
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { Job, JobContext } from '../job.ts'
import { cleanUpAndCool, type CleanedUp } from './clean-up.ts'
import { LakeLock } from './lake-lock.ts'
import { withLake, type LakeOptions, type LakeRun, type WritingRun } from './lake-options.ts'
import { fieldsOf, yesOrNo } from './requests.ts'
import { writeTable } from './write-table.ts'
import { writeTopic } from './write-topic.ts'
import type { DatasetWritten } from './written.ts'

export interface LakeWriteRequest {
  /** True where another writer is no fault: this run then does nothing. */
  readonly skipWhenBusy: boolean
}

export interface LakeWritten {
  readonly location: string
  /** Why nothing was done; null where it was. */
  readonly skipped: string | null
  readonly datasets: readonly DatasetWritten[]
  readonly cleanup: CleanedUp | null
}

export interface LakeCleanupRequest {
  readonly dryRun: boolean
}

export function lakeWriteJob(options: LakeOptions): Job<LakeWriteRequest, LakeWritten> {
  const name = 'lake.write'
  return {
    name,
    parse: (request) => {
      const fields = fieldsOf(request, ['skip_when_busy'], name)
      return { skipWhenBusy: yesOrNo(fields, 'skip_when_busy', name) }
    },
    run: (request, context) =>
      withLake(options, context.signal, (run) => writeLake(run, request, context)),
  }
}

export function lakeCleanupJob(options: LakeOptions): Job<LakeCleanupRequest, CleanedUp> {
  const name = 'lake.cleanup'
  return {
    name,
    parse: (request) => {
      const fields = fieldsOf(request, ['dry_run'], name)
      return { dryRun: yesOrNo(fields, 'dry_run', name) }
    },
    run: ({ dryRun }, { signal }) =>
      withLake(options, signal, async (run) => {
        if (dryRun) return cleanUpAndCool(run, null)
        return withLock(run, (writing) => cleanUpAndCool(run, writing.lock))
      }),
  }
}

async function writeLake(
  run: LakeRun,
  { skipWhenBusy }: LakeWriteRequest,
  context: JobContext,
): Promise<LakeWritten> {
  const { location } = run.storage
  try {
    return await withLock(run, async (writing) => {
      const datasets = await writeAll(writing, context)
      return { location, skipped: null, datasets, cleanup: await cleanUpAndCool(run, writing.lock) }
    })
  } catch (thrown) {
    const isBusy = thrown instanceof TidemarkError && thrown.code === 'LAKE_BUSY'
    if (!isBusy || !skipWhenBusy) throw thrown
    return { location, skipped: thrown.message, datasets: [], cleanup: null }
  }
}

/** One that fails does not hold up the others: it is told at the end. */
async function writeAll(
  run: WritingRun,
  { onProgress }: JobContext,
): Promise<readonly DatasetWritten[]> {
  const written: DatasetWritten[] = []
  const failures: { readonly name: string; readonly thrown: unknown }[] = []
  const total = run.topics.length + run.tables.length
  const each = async (name: string, write: () => Promise<DatasetWritten>) => {
    run.signal.throwIfAborted()
    onProgress({ text: name, done: written.length + failures.length, total })
    try {
      written.push(await write())
    } catch (thrown) {
      if (!mayGoOn(thrown)) throw thrown
      failures.push({ name, thrown })
    }
  }
  for (const topic of run.topics) await each(topic.name, () => writeTopic(run, topic))
  for (const table of run.tables) await each(table.name, () => writeTable(run, table))
  const [first] = failures
  if (first === undefined) return written
  const told = failures.map(({ name, thrown }) => `${name}: ${messageOf(thrown)}`).join('\n')
  const { code } = first.thrown as TidemarkError
  throw new TidemarkError(code, `${failures.length} of ${total} were not written:\n${told}`)
}

const ofOneDataset: ReadonlySet<string> = new Set([
  'QUERY_FAILED',
  'SINK_REFUSED',
  'OFFSET_OUT_OF_RANGE',
  'LAKE_DAMAGED',
  'TOPIC_UNKNOWN',
])

function mayGoOn(thrown: unknown): boolean {
  return thrown instanceof TidemarkError && ofOneDataset.has(thrown.code)
}

async function withLock<T>(run: LakeRun, use: (run: WritingRun) => Promise<T>): Promise<T> {
  const { storage, clock, holder } = run
  const lock = await LakeLock.take({ storage, clock, holder })
  try {
    return await use({ ...run, lock })
  } finally {
    await lock.release()
  }
}
