/** `tidemark top`: the status again and again, with the rates, on a screen of its own. */
import { Command } from 'commander'
import { pause, systemClock } from '../../core/clock.ts'
import { readStatus } from '../../app/read-status.ts'
import type { InstanceStatus, TopologyStatus } from '../../server/console/instance-status.ts'
import { configurationOf, once, withInstanceOptions, type CommonFlags } from '../common-options.ts'
import { untilInterrupted } from '../interruption.ts'
import { rowsText, type PrintedRow } from '../print-rows.ts'
import { UsageError } from '../usage-error.ts'

interface TopFlags extends CommonFlags {
  readonly intervalSeconds?: string
  readonly iterations?: string
}

/** Moves to the corner and clears what is below. */
const home = '\u001B[H\u001B[J'
const columns = [
  'topology',
  'group',
  'tasks',
  'records/s',
  'processed',
  'lag',
  'late',
  'dropped',
  'quarantined',
  'rows written',
]

export function topCommand(): Command {
  return withInstanceOptions(new Command('top'))
    .description('the status of the running instance, again and again')
    .addOption(once('--interval-seconds <n>', 'between two looks (default: 1)'))
    .addOption(once('--iterations <n>', 'end after so many looks'))
    .addHelpText(
      'after',
      '\nWhere the output is no terminal, one look follows the other. Ctrl-C ends it.',
    )
    .action(run)
}

async function run(flags: TopFlags): Promise<void> {
  const everyMs = 1000 * numberOf('--interval-seconds', flags.intervalSeconds ?? '1', 0.1)
  const iterations =
    flags.iterations === undefined ? Infinity : countOf('--iterations', flags.iterations)
  const configuration = configurationOf(flags)
  const interruption = untilInterrupted()
  try {
    for (let look = 1; !interruption.signal.aborted; look += 1) {
      const status = await readStatus(configuration)
      const screen = topText(status)
      process.stdout.write(process.stdout.isTTY ? `${home}${screen}` : `${screen}\n`)
      if (look >= iterations) return
      await pause(systemClock, everyMs, interruption.signal)
    }
  } finally {
    interruption.release()
  }
}

/** One look. */
export function topText(status: InstanceStatus): string {
  const lag = status.topologies.reduce((sum, topology) => sum + topology.lag, status.sinkLag)
  const mebibytes = Math.round(status.residentBytes / 1024 / 1024)
  const state = status.isReady ? status.state : `${status.state}, not ready`
  const lines = [
    `tidemark ${status.version} ${status.dataDir}: ${state}, lag ${lag}, facts not yet queryable ${status.sinkLag}, ${mebibytes} MiB`,
    ...(status.trouble === null ? [] : [status.trouble]),
    ...status.skips.map(
      ({ group, topic, partition, offsets }) =>
        `${group} has lost ${offsets} offsets of ${topic}-${partition}`,
    ),
    ...status.restoring.map(
      ({ taskId, store, offsetsDone, offsetsTotal }) =>
        `restoring ${taskId} ${store}: ${offsetsDone} of ${offsetsTotal}`,
    ),
  ]
  return `${lines.join('\n')}\n\n${rowsText(status.topologies.map(rowOf), columns, 'table')}`
}

function rowOf(topology: TopologyStatus): PrintedRow {
  return {
    topology: topology.name,
    group: topology.group,
    tasks: topology.tasks,
    'records/s': Math.round(topology.recordsPerSecond),
    processed: topology.processed,
    lag: topology.lag,
    late: topology.late,
    dropped: topology.dropped,
    quarantined: topology.quarantined,
    'rows written': topology.rowsWritten,
  }
}

function numberOf(flag: string, text: string, min: number): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value >= min) return value
  throw new UsageError(`${flag} ${text}: expected a number from ${min} up`)
}

function countOf(flag: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new UsageError(`${flag} ${text}: expected a whole number from 1 up`)
}
