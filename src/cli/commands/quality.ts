/** How good the tables are: `quality report | check`. */
import { Command, InvalidArgumentError, Option } from 'commander'
import type { JobProgress } from '../../jobs/job.ts'
import type {
  QualityReport,
  QualitySummary,
  QualityVerdict,
  TableProfile,
} from '../../jobs/quality/quality-jobs.ts'
import type { ColumnProfile } from '../../jobs/quality/profile-table.ts'
import { dimensions } from '../../jobs/quality/expectation.ts'
import type { QualityResult } from '../../jobs/quality/result.ts'
import {
  formatOption,
  once,
  withInstanceOptions,
  type CommonFlags,
  type OutputFormat,
} from '../common-options.ts'
import { untilInterrupted } from '../interruption.ts'
import { printRows, type PrintedRow } from '../print-rows.ts'
import { openProgress } from '../progress.ts'
import { runJob } from '../run-job.ts'
import { UsageError } from '../usage-error.ts'
import { withClient } from '../with-client.ts'

interface PeriodFlags extends CommonFlags {
  readonly days?: number
  readonly from?: string
  readonly to?: string
  readonly by?: string
  readonly format: OutputFormat
}

interface ReportFlags extends PeriodFlags {
  readonly profile?: string
  readonly all?: boolean
}

interface CheckFlags extends PeriodFlags {
  readonly minScore?: number
}

const scoreColumns = ['topology', 'score', ...dimensions, 'failed', 'warnings', 'anomalies']
const resultColumns = [
  ...['topology', 'table', 'check', 'dimension', 'level', 'result', 'measured', 'threshold'],
  ...['rows', 'failed', 'detail'],
]
const profileColumns = [
  ...['column', 'type', 'rows', 'nulls', 'distinct', 'min', 'max', 'mean'],
  ...['p05', 'p25', 'median', 'p75', 'p95'],
]

export function qualityCommand(): Command {
  const report = withPeriod(new Command('report'))
    .description('measure the tables: scores, failed checks, anomalies')
    .addOption(new Option('--all', 'every check and figure, not only what failed'))
    .addOption(
      once(
        '--profile <table>',
        'instead, what is in a table, column by column: mcq.tests',
      ).conflicts(['all', 'from', 'to', 'by']),
    )
    .action(runReport)
  const check = withPeriod(new Command('check'))
    .description('exit code 1 where a grave check fails or the score is too low')
    .addOption(
      numberOption('--min-score <n>', 'the least score, 0 to 100 (default: quality.scoreMin)'),
    )
    .action(runCheck)
  return new Command('quality')
    .description('how complete, right, consistent, fresh and valid the tables are')
    .addCommand(report)
    .addCommand(check)
}

function withPeriod(command: Command): Command {
  return withInstanceOptions(command)
    .argument('[topology...]', 'which; absent: all that run')
    .addOption(numberOption('--days <n>', 'rows of so many days (default: quality.days, 7)'))
    .addOption(once('--from <time>', 'rows from then on, ISO 8601').conflicts('days'))
    .addOption(once('--to <time>', 'rows before then (default: now)'))
    .addOption(
      new Option('--by <time>', 'when they were computed, or when it happened').choices([
        'known_at',
        'event_time',
      ]),
    )
    .addOption(formatOption())
}

function numberOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string) => {
    const value = Number(text)
    if (text.trim() === '' || !Number.isFinite(value)) {
      throw new InvalidArgumentError('a number, please')
    }
    return value
  })
}

async function runReport(topologies: readonly string[], flags: ReportFlags): Promise<void> {
  if (flags.profile !== undefined) {
    if (topologies.length > 0) throw new UsageError('--profile is of one table: name no topology')
    await runProfile(flags.profile, flags)
    return
  }
  const report = await run<QualityReport>('quality.report', requestOf(topologies, flags), flags)
  if (flags.format === 'json') {
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
    return
  }
  const isTold = (result: QualityResult) =>
    flags.all === true || flags.format === 'csv' || result.passed === false
  const rows = report.results.filter(isTold).map(resultRow)
  if (flags.format === 'csv') {
    printRows(rows, resultColumns, 'csv')
    return
  }
  printScores(report)
  if (rows.length === 0) process.stdout.write('\nNo check failed.\n')
  else {
    process.stdout.write('\n')
    printRows(rows, resultColumns, 'table')
  }
}

async function runProfile(table: string, flags: ReportFlags): Promise<void> {
  const { days } = flags
  const request = { table, ...(days === undefined ? {} : { days }) }
  const { columns } = await run<TableProfile>('quality.profile', request, flags)
  const rows = columns.map((column) => (flags.format === 'table' ? rounded(column) : { ...column }))
  printRows(rows, profileColumns, flags.format)
}

/** To six digits: a table is for people. */
function rounded(column: ColumnProfile): PrintedRow {
  const entries = Object.entries(column as unknown as PrintedRow)
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const isLong = typeof value === 'number' && !Number.isInteger(value)
      return [name, isLong ? Number(value.toPrecision(6)) : value]
    }),
  )
}

async function runCheck(topologies: readonly string[], flags: CheckFlags): Promise<void> {
  const { minScore } = flags
  const request = {
    ...requestOf(topologies, flags),
    ...(minScore === undefined ? {} : { score_min: minScore }),
  }
  const verdict = await run<QualityVerdict>('quality.check', request, flags)
  if (!verdict.is_good) process.exitCode = 1
  if (flags.format === 'json') {
    process.stdout.write(`${JSON.stringify(verdict, null, 2)}\n`)
    return
  }
  const failures = verdict.failures.map(resultRow)
  if (flags.format === 'csv') {
    printRows(failures, resultColumns, 'csv')
    return
  }
  printScores(verdict)
  const score = verdict.score === null ? 'nothing to measure' : `score ${told(verdict.score)}`
  const least = verdict.score_min === 0 ? '' : `, at least ${verdict.score_min} is wanted`
  const count = failures.length
  process.stdout.write(
    `\n${score}${least}; ${count} grave ${count === 1 ? 'check' : 'checks'} failed\n`,
  )
  if (count > 0) printRows(failures, resultColumns, 'table')
}

function requestOf(
  topologies: readonly string[],
  { days, from, to, by }: PeriodFlags,
): Readonly<Record<string, unknown>> {
  return {
    ...(topologies.length === 0 ? {} : { topologies }),
    ...(days === undefined ? {} : { days }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(by === undefined ? {} : { by }),
  }
}

async function run<Result>(job: string, request: object, flags: CommonFlags): Promise<Result> {
  const interruption = untilInterrupted()
  const progress = openProgress()
  const onProgress = ({ text, done, total }: JobProgress) => {
    progress.update(done, total ?? done, text)
  }
  try {
    return await withClient(flags, async (client) => {
      // An instance opened for this command has yet to process what came while none ran.
      if (!client.isRemote) await client.settle()
      const listener = { onProgress, signal: interruption.signal }
      return (await runJob<Result>(client, job, request, listener)).result
    })
  } finally {
    progress.stop()
    interruption.release()
  }
}

function printScores({ period, score, topologies }: QualitySummary): void {
  const rows = topologies.map(({ dimensions: own, checks: _checks, ...topology }) => ({
    ...topology,
    score: told(topology.score),
    ...Object.fromEntries(Object.entries(own).map(([name, value]) => [name, told(value)])),
  }))
  const overall = { topology: 'all', score: told(score) }
  process.stdout.write(`Rows by ${period.by} from ${period.from} to ${period.to}\n\n`)
  printRows([...rows, overall], scoreColumns, 'table')
}

function resultRow(result: QualityResult): PrintedRow {
  return {
    ...result,
    measured: result.measured === null ? null : Number(result.measured.toPrecision(6)),
    result: resultWord(result),
  }
}

function resultWord({ passed, measured, threshold }: QualityResult): string {
  if (passed !== null) return passed ? 'passed' : 'failed'
  return measured === null || threshold !== null ? 'nothing to measure' : 'figure'
}

/** Never rounded up to a score that it is not. */
function told(score: number | null): string {
  return score === null ? '-' : (Math.floor(score * 100) / 100).toFixed(2)
}
