import { Command, Option } from 'commander'
import { systemClock } from '../../core/clock.ts'
import { runSimulation } from '../../sources/run-simulation.ts'
import { simulate } from '../../sources/simulate.ts'
import { once, withInstanceOptions, type CommonFlags } from '../common-options.ts'
import { untilInterrupted } from '../interruption.ts'
import { openProgress } from '../progress.ts'
import { UsageError } from '../usage-error.ts'
import { withClient } from '../with-client.ts'

interface SimulateFlags extends CommonFlags {
  readonly seed?: string
  readonly students?: string
  readonly rate?: string
  readonly duration?: string
  readonly minutes?: string
  readonly fast?: boolean
  readonly wait?: boolean
}

export function simulateCommand(): Command {
  return withInstanceOptions(new Command('simulate'))
    .description('a made-up test platform, live: the same seed gives the same events')
    .addOption(once('--seed <n>', 'which platform (default: 1)'))
    .addOption(once('--students <n>', 'how many students (default: 500)'))
    .addOption(once('--rate <n>', 'events a second (default: 50)'))
    .addOption(once('--duration <seconds>', 'how long the platform is open (default: 60)'))
    .addOption(once('--minutes <n>', 'the same in minutes'))
    .addOption(new Option('--fast', 'do not wait for the events to be due'))
    .addOption(new Option('--wait', 'return when the facts are queryable'))
    .action(run)
}

async function run(flags: SimulateFlags): Promise<void> {
  const seed = numberOf('--seed', flags.seed ?? '1', 0)
  const students = numberOf('--students', flags.students ?? '500', 1)
  const rate = numberOf('--rate', flags.rate ?? '50', 0.01)
  if (flags.duration !== undefined && flags.minutes !== undefined) {
    throw new UsageError('give either --duration or --minutes')
  }
  const seconds =
    flags.minutes === undefined
      ? numberOf('--duration', flags.duration ?? '60', 1)
      : 60 * numberOf('--minutes', flags.minutes, 0.01)
  const interruption = untilInterrupted()
  const progress = openProgress()
  try {
    await withClient(flags, async (client) => {
      const startMs = systemClock.nowMs()
      const durationMs = 1000 * seconds
      const expected = Math.round(rate * seconds)
      const taken = await runSimulation({
        events: simulate({ seed, students, rate, startMs, durationMs }),
        ingest: client.port,
        clock: systemClock,
        paced: flags.fast !== true,
        signal: interruption.signal,
        onProgress: (events) => {
          progress.update(Math.min(events, expected), expected, `${events} events`)
        },
      })
      progress.stop()
      process.stdout.write(`${taken} events\n`)
      if (flags.wait === true) await client.settle()
    })
  } finally {
    progress.stop()
    interruption.release()
  }
}

function numberOf(flag: string, text: string, min: number): number {
  const value = Number(text)
  if (Number.isFinite(value) && value >= min) return value
  throw new UsageError(`${flag} ${text}: expected a number from ${min} up`)
}
