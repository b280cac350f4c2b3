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
  const print = ({ done, duplicates, failed, rows, rowsRemoved }: DropTotals) => {
    say(
      `dropped files: ${done} done, ${duplicates} duplicates, ${failed} failed; ` +
        `${rows} rows, ${rowsRemoved} removed for missing values`,
    )
  }
  return {
    watch: () => folder.watch(print),
    drain: async () => {
      print(await folder.drain())
    },
    close: () => opened.close(),
  }
}
