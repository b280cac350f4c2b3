import { Command, Option } from 'commander'
import { readInstanceFile } from '../../app/instance-file.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { BackfilledTable, BackfillReport } from '../../jobs/backfill/backfill.ts'
import { parseTime } from '../../core/parse-time.ts'
import { readBackfillRequest } from '../../jobs/backfill/backfill-request.ts'
import type { JobProgress } from '../../jobs/job.ts'
import {
  clusterAddresses,
  configurationOf,
  once,
  reportFormatOption,
  withInstanceOptions,
  type CommonFlags,
} from '../common-options.ts'
import { untilInterrupted } from '../interruption.ts'
import { printRows } from '../print-rows.ts'
import { openProgress } from '../progress.ts'
import { runJob } from '../run-job.ts'
import { UsageError } from '../usage-error.ts'
import { withClient } from '../with-client.ts'

interface BackfillFlags extends CommonFlags {
  readonly start?: string
  readonly end?: string
  readonly table: readonly string[]
  readonly dryRun?: boolean
  readonly retainedOnly?: boolean
  readonly format: 'table' | 'json'
}

const columns = ['table', 'same', 'different', 'missing', 'extra', 'changed', 'put_right'] as const

export function backfillCommand(): Command {
  return withInstanceOptions(new Command('backfill'), clusterAddresses)
    .description('make facts again from the events, and put right the rows that differ')
    .argument('<topology>')
    .addOption(once('--start <time>', 'only rows whose event time is at or after it'))
    .addOption(once('--end <time>', 'only rows whose event time is before it'))
    .addOption(
      new Option('--table <names>', 'only these tables, with commas between; repeatable')
        .default([])
        .argParser((names: string, all: readonly string[]) => [...all, ...names.split(',')]),
    )
    .addOption(new Option('--dry-run', 'compare only; exit code 1 where rows differ'))
    .addOption(new Option('--retained-only', 'go on where the log no longer has the first events'))
    .addOption(reportFormatOption('how the outcome is printed'))
    .addHelpText(
      'after',
      `
Times are ISO 8601, in UTC where they name no zone, or as "2024:06:01 10". The topology runs once more, as its code is
now, over the events that the log has, beside the live one. Rows are put right while no instance works on the topology; with
--dry-run one may run. On a cluster give this command a data directory of its own.

  tidemark backfill mcq --dry-run
  tidemark backfill mcq --start "2024:06:01 10" --end "2024:06:01 11"`,
    )
    .action(run)
}

async function run(topology: string, flags: BackfillFlags): Promise<void> {
  const request = {
    topology,
    start: timeOf('--start', flags.start),
    end: timeOf('--end', flags.end),
    tables: flags.table,
    dry_run: flags.dryRun === true,
    retained_only: flags.retainedOnly === true,
  }
  const interruption = untilInterrupted()
  const progress = openProgress()
  const listener = {
    signal: interruption.signal,
    onProgress: ({ text, done, total }: JobProgress) => {
      progress.update(done, Math.max(total ?? done, 1), text)
    },
  }
  try {
    const report = await outcomeOf(request, flags, listener)
    progress.stop()
    if (flags.format === 'json') process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
    else printReport(report)
    if (flags.dryRun === true && report.tables.some(isWrong)) process.exitCode = 1
  } finally {
    progress.stop()
    interruption.release()
  }
}

async function outcomeOf(
  request: { readonly dry_run: boolean },
  flags: BackfillFlags,
  listener: { readonly signal: AbortSignal; onProgress: (progress: JobProgress) => void },
): Promise<BackfillReport> {
  const configuration = configurationOf(flags)
  if (readInstanceFile(configuration.dataDir) !== null) {
    if (!request.dry_run) {
      const message = `an instance runs on ${configuration.dataDir}: stop it before rows are put right, or compare only, with --dry-run`
      throw new TidemarkError('DATA_DIR_IN_USE', message)
    }
    const outcome = await withClient(flags, (client) =>
      runJob<BackfillReport>(client, 'backfill', request, listener),
    )
    return outcome.result
  }
  // Loaded only here: the engines behind it are large, and most commands need none.
  const { runBackfill } = await import('../../app/backfill.ts')
  const onWait = (line: string) => process.stderr.write(`${line}\n`)
  return await runBackfill(configuration, readBackfillRequest(request), { ...listener, onWait })
}

function timeOf(flag: string, text: string | undefined): string | null {
  if (text === undefined) return null
  const timeMs = parseTime(text)
  if (timeMs === null) {
    throw new UsageError(`${flag} ${text}: write it as 2024-06-01T10:00:00Z or "2024:06:01 10"`)
  }
  return new Date(timeMs).toISOString()
}

function isWrong({ different, missing, extra }: BackfilledTable): boolean {
  return different + missing + extra > 0
}

function printReport({ events, events_gone: gone, tables }: BackfillReport): void {
  process.stdout.write(`${events} events replayed\n`)
  for (const { topic, partition, before_offset: before } of gone) {
    process.stderr.write(
      `warning: events of ${topic}-${partition} before offset ${before} are gone\n`,
    )
  }
  const rows = tables.map(({ examples: _, ...counts }) => ({ ...counts }))
  printRows(rows, columns, 'table')
  for (const { table, examples } of tables) {
    for (const { kind, key, columns: differing } of examples) {
      process.stdout.write(`${table} ${kind}: ${JSON.stringify(key)}\n`)
      for (const [name, { live, replay }] of Object.entries(differing)) {
        process.stdout.write(`  ${name}: ${live ?? 'NULL'}, of the replay ${replay ?? 'NULL'}\n`)
      }
    }
  }
}
