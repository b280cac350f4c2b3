/** `up --drop DIR`: the folder's files while the instance runs, with a line for each look that found some. */
import type { Services } from '../app/services.ts'
import type { DropTotals } from '../sources/drops/drop-folder.ts'

interface WatchedFolder {
  /** Until the signal. */
  watch(): Promise<void>
  /** Until the folder is empty, but for what others put there meanwhile. */
  drain(): Promise<void>
  close(): Promise<void>
}

/** @throws TidemarkError CONFIGURATION_INVALID | SOURCE_UNREADABLE */
export async function openWatchedFolder(
  services: Services,
  directory: string,
  { signal, say }: { readonly signal: AbortSignal; readonly say: (line: string) => void },
): Promise<WatchedFolder> {
  const { openDropFolder } = await import('../app/drop-folder.ts')
  const opened = openDropFolder(services, directory, signal)
  const { folder } = opened
  say(`${'drop folder'.padEnd(15)}  ${directory}`)
  let before = folder.totals
  const tell = async (totals: DropTotals) => {
    const { done, duplicates, failed, rows, rowsRemoved, retracted, rowsRetracted, left } = totals
    say(
      `dropped files: ${done} done, ${duplicates} duplicates, ${failed} failed; ` +
        `${rows} rows, ${rowsRemoved} removed for missing values` +
        (retracted > 0
          ? `; ${retracted} files were written on, their ${rowsRetracted} rows retracted`
          : '') +
        (left > 0 ? `; ${left} that are no files left alone` : ''),
    )
    const taken = since(before, totals)
    before = totals
    if (Object.values(taken).every((count) => count === 0)) return
    await services.runs.record('drops', { directory }, signal, () => Promise.resolve(taken))
  }
  return {
    watch: () =>
      folder.watch(tell, (trouble) => {
        say(trouble === null ? 'the drop folder is back' : `${trouble}; it is tried again`)
      }),
    drain: async () => {
      await tell(await folder.drain())
    },
    close: () => opened.close(),
  }
}

/** Of one look. */
function since(before: DropTotals, now: DropTotals): Readonly<Record<string, number>> {
  return {
    done: now.done - before.done,
    duplicates: now.duplicates - before.duplicates,
    failed: now.failed - before.failed,
    rows: now.rows - before.rows,
    rows_removed: now.rowsRemoved - before.rowsRemoved,
    retracted: now.retracted - before.retracted,
    rows_retracted: now.rowsRetracted - before.rowsRetracted,
  }
}
