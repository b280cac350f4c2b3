/** The lake: `lake write | summary | cleanup | validate | report`. */
import { Command, InvalidArgumentError, Option } from 'commander'
import type { CleanedUp } from '../../jobs/lake/clean-up.ts'
import type { LakeReport, LakeSummary } from '../../jobs/lake/summary-job.ts'
import type { LakeValidated } from '../../jobs/lake/validate-job.ts'
import type { LakeWritten } from '../../jobs/lake/write-job.ts'
import {
  formatOption,
  withInstanceOptions,
  type CommonFlags,
  type OutputFormat,
} from '../common-options.ts'
import { untilInterrupted } from '../interruption.ts'
import { printRows, type PrintedRow } from '../print-rows.ts'
import { openProgress } from '../progress.ts'
import { runJob } from '../run-job.ts'
import { withClient } from '../with-client.ts'

interface LakeFlags extends CommonFlags {
  readonly format: OutputFormat
}

interface CleanupFlags extends LakeFlags {
  readonly dryRun?: boolean
}

interface DaysFlags extends LakeFlags {
  readonly days?: number
}

export function lakeCommand(): Command {
  const named = (name: string, description: string) =>
    withInstanceOptions(new Command(name), ['lake.location'])
      .description(description)
      .addOption(formatOption())
  const days = (description: string) =>
    new Option('--days <n>', description).argParser((text) => {
      if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError('a whole number from 1')
      return Number(text)
    })
  return new Command('lake')
    .description('tables and topics as Parquet by day, in a directory or a bucket (lake.location)')
    .addCommand(
      named(
        'write',
        'write what has changed since the last write, and remove what is expired',
      ).action(runWrite),
    )
    .addCommand(named('summary', 'what the lake has: days, files, rows, sizes').action(runSummary))
    .addCommand(
      named(
        'cleanup',
        'remove the days that are older than their retention, and move what has become cold',
      )
        .addOption(new Option('--dry-run', 'only tell which'))
        .action(runCleanup),
    )
    .addCommand(
      named(
        'validate',
        'files, checksums and rows against metadata and source; exit code 1 where one is wrong',
      )
        .argument('<table>', 'database.table, a table’s name alone, or a topic')
        .addOption(days('only the last days (default: all)'))
        .action(runValidate),
    )
    .addCommand(
      named('report', 'sizes, costs, how the lake grew, and what goes next')
        .addOption(days('how far back, and ahead (default: 30)'))
        .action(runReport),
    )
}

async function runWrite({ format, ...flags }: LakeFlags): Promise<void> {
  const { location, datasets, cleanup } = await asked<LakeWritten>(flags, 'lake.write', {})
  if (format === 'table') {
    const written = datasets.filter((one) => one.days_written + one.days_removed > 0)
    print(
      written,
      ['layer', 'name', 'days_written', 'days_removed', 'rows', 'files', 'bytes'],
      format,
    )
    const removed = cleanup?.days.length ?? 0
    process.stdout.write(
      `${datasets.length} tables and topics looked at, ${written.length} written, ` +
        `${removed} days past retention removed: ${location}\n`,
    )
    tellMoved(cleanup?.moved ?? [], 'moved')
    for (const line of notes(datasets)) process.stderr.write(`${line}\n`)
    return
  }
  print(datasets, Object.keys(datasets[0] ?? {}), format)
}

/** What did not get into the lake, and why. */
function notes(datasets: LakeWritten['datasets']): readonly string[] {
  return datasets.flatMap((one) => [
    ...(one.days_past_retention > 0
      ? [`${one.name}: ${one.days_past_retention} days are past retention and were not written`]
      : []),
    ...(one.records_past_retention > 0
      ? [
          `${one.name}: ${one.records_past_retention} records are past retention and were not written`,
        ]
      : []),
    ...(one.records_missed > 0
      ? [
          `${one.name}: the log had let go of ${one.records_missed} records before they were written`,
        ]
      : []),
  ])
}

async function runSummary({ format, ...flags }: LakeFlags): Promise<void> {
  const summary = await asked<LakeSummary>(flags, 'lake.summary', {})
  printSummary(summary, format)
}

function printSummary({ datasets, location, ...total }: LakeSummary, format: OutputFormat): void {
  const columns = ['layer', 'name', 'days', 'files', 'rows', 'bytes', 'first_day', 'last_day']
  print(datasets, [...columns, 'written_at'], format)
  if (format !== 'table') return
  const { files, rows, bytes } = total
  process.stdout.write(`${files} files, ${rows} rows, ${bytes} bytes: ${location}\n`)
}

async function runCleanup({ dryRun, format, ...flags }: CleanupFlags): Promise<void> {
  const request = { dry_run: dryRun === true }
  const cleaned = await asked<CleanedUp>(flags, 'lake.cleanup', request)
  print(cleaned.days, ['layer', 'name', 'day', 'files', 'bytes'], format)
  if (format !== 'table') return
  const would = cleaned.dry_run ? 'would be ' : ''
  process.stdout.write(
    `${cleaned.days.length} days, ${cleaned.files} files, ${cleaned.bytes} bytes ${would}removed\n`,
  )
  tellMoved(cleaned.moved, `${would}moved`)
}

function tellMoved(moved: CleanedUp['moved'], verb: string): void {
  const [first] = moved
  if (first === undefined) return
  const bytes = moved.reduce((sum, day) => sum + day.bytes, 0)
  process.stdout.write(`${moved.length} days, ${bytes} bytes ${verb} to ${first.storage_class}\n`)
}

async function runValidate(table: string, { days, format, ...flags }: DaysFlags): Promise<void> {
  const request = days === undefined ? { table } : { table, days }
  const validated = await asked<LakeValidated>(flags, 'lake.validate', request)
  const rows = validated.days.map((day) => ({ ...day, notes: day.notes.join('; ') }))
  print(rows, ['day', 'state', 'rows', 'files', 'notes'], format)
  const { faulty, layer, name } = validated
  if (format === 'table') {
    process.stdout.write(`${layer}/${name}: ${rows.length} days, ${faulty} of them faulty\n`)
  }
  if (faulty > 0) process.exitCode = 1
}

async function runReport({ days, format, ...flags }: DaysFlags): Promise<void> {
  const request = days === undefined ? {} : { days }
  const report = await asked<LakeReport>(flags, 'lake.report', request)
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
    return
  }
  if (format === 'csv') {
    print(report.growth, ['day', 'files', 'bytes'], format)
    return
  }
  printSummary(report, format)
  process.stdout.write('\nwritten by day\n')
  print(report.growth, ['day', 'files', 'bytes'], format)
  process.stdout.write('\nsizes of files, bytes\n')
  print(report.file_bytes, ['layer', 'name', 'smallest', 'largest'], format)
  process.stdout.write('\nretention takes next\n')
  print(report.next_removals, ['on', 'layer', 'name', 'day', 'bytes'], format)
  if (report.next_moves.length > 0) {
    process.stdout.write('\ncolder next\n')
    print(report.next_moves, ['on', 'layer', 'name', 'day', 'bytes', 'storage_class'], format)
  }
  printCosts(report)
}

function printCosts({ costs }: LakeReport): void {
  process.stdout.write('\nstorage, and what it costs a month\n')
  const { stored, month, unpriced, saved_by_retention, saved_by_colder_class } = costs
  const rows = stored.map((each) => ({ ...each, month: money(each.month) }))
  print(rows, ['layer', 'storage_class', 'files', 'bytes', 'month'], 'table')
  if (unpriced.length > 0) {
    process.stdout.write(`no price of ${unpriced.join(', ')}: set lake.pricePerGibMonth\n`)
  }
  if (month === null) return
  process.stdout.write(
    `${money(month)} a month; what retention takes next saves ${money(saved_by_retention)}, ` +
      `what becomes cold ${money(saved_by_colder_class)}\n`,
  )
}

function money(amount: number | null): string {
  return amount === null ? '-' : amount.toFixed(amount < 1 ? 6 : 2)
}

function print(rows: readonly object[], columns: readonly string[], format: OutputFormat): void {
  printRows(rows as readonly PrintedRow[], columns, format)
}

/** The result of a job, by the instance that runs or one opened for it. */
async function asked<Result>(flags: CommonFlags, job: string, request: object): Promise<Result> {
  const progress = openProgress()
  const interruption = untilInterrupted()
  try {
    return await withClient(flags, async (client) => {
      // An instance opened for this command has yet to process what came while none ran.
      if (!client.isRemote) await client.settle()
      const { result } = await runJob<Result>(client, job, request, {
        signal: interruption.signal,
        onProgress: ({ text, done, total }) => {
          progress.update(done, total ?? done, text)
        },
      })
      return result
    })
  } finally {
    progress.stop()
    interruption.release()
  }
}
