import { Command } from 'commander'
import {
  clusterAddresses,
  configurationOf,
  withInstanceOptions,
  type CommonFlags,
} from '../common-options.ts'
import { untilInterrupted } from '../interruption.ts'
import { openProgress } from '../progress.ts'

export function rebuildCommand(): Command {
  return withInstanceOptions(new Command('rebuild'), clusterAddresses)
    .description('make the tables of topologies in ClickHouse again, from their fact topics')
    .addHelpText(
      'after',
      `
Readers see each table as it was until it is whole again. On a cluster instances may run meanwhile: give this command a
data directory of its own. Embedded, stop the instance first. Of several at once one works, and the others wait for it.

  tidemark rebuild --topologies mcq --data-dir ./rebuild`,
    )
    .action(run)
}

async function run(flags: CommonFlags): Promise<void> {
  const configuration = configurationOf(flags)
  const interruption = untilInterrupted()
  const progress = openProgress()
  try {
    // Loaded only here: the engines behind it are large, and most commands need none.
    const { rebuildTables } = await import('../../app/rebuild.ts')
    const rebuilt = await rebuildTables(configuration, {
      signal: interruption.signal,
      onWait: (line) => process.stderr.write(`${line}\n`),
      onProgress: ({ table, rowsWritten, recordsLeft }) => {
        progress.update(rowsWritten, rowsWritten + recordsLeft, `${table.database}.${table.table}`)
      },
    })
    progress.stop()
    for (const { table, rows } of rebuilt) {
      process.stdout.write(`${table.database}.${table.table}: ${rows} rows\n`)
    }
  } finally {
    progress.stop()
    interruption.release()
  }
}
