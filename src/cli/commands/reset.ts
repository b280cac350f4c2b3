import { Command, Option } from 'commander'
import { parseTime } from '../../core/parse-time.ts'
import type { ResetPosition } from '../../jobs/reset-offsets.ts'
import {
  clusterAddresses,
  configurationOf,
  withInstanceOptions,
  type CommonFlags,
} from '../common-options.ts'
import { UsageError } from '../usage-error.ts'

interface ResetFlags extends CommonFlags {
  readonly toEarliest?: boolean
  readonly toLatest?: boolean
  readonly toDatetime?: string
  readonly shiftBy?: string
  readonly toOffset?: string
  readonly facts?: boolean
  readonly dryRun?: boolean
  readonly force?: boolean
}

export function resetCommand(): Command {
  return withInstanceOptions(new Command('reset'), clusterAddresses)
    .description(
      'set topologies back: their inputs are read again, their state and internal topics are deleted',
    )
    .addOption(new Option('--to-earliest', 'from the start of every input topic (the default)'))
    .addOption(new Option('--to-latest', 'from their ends'))
    .addOption(new Option('--to-datetime <time>', 'from a time on, ISO 8601: 2026-03-01T00:00:00Z'))
    .addOption(new Option('--shift-by <n>', 'from n records after where the group is, or before'))
    .addOption(new Option('--to-offset <n>', 'from an offset on'))
    .addOption(new Option('--facts', 'delete the facts’ topics, too'))
    .addOption(new Option('--dry-run', 'print what would be done, and do nothing'))
    .addOption(new Option('--force', 'take members that are gone without a word out of the group'))
    .addHelpText(
      'after',
      `
Stop the instances first: a group with members is refused; a dry run shows the plan all the same, and what the
reset would be refused for. Facts stay, unless --facts is given, and the same
inputs replace them by the same rows.

  tidemark reset --topologies mcq --dry-run
  tidemark reset --topologies mcq --to-datetime 2026-03-01T00:00:00Z`,
    )
    .action(run)
}

async function run(flags: ResetFlags): Promise<void> {
  const position = positionOf(flags)
  const configuration = configurationOf(flags)
  // Loaded only here: the engines behind it are large, and most commands need none.
  const { resetTopologies } = await import('../../app/reset.ts')
  const dryRun = flags.dryRun === true
  let steps = 0
  let refusals = 0
  await resetTopologies(configuration, {
    position,
    withFacts: flags.facts === true,
    force: flags.force === true,
    dryRun,
    onStep: ({ topology, what }) => {
      steps += 1
      process.stdout.write(`${dryRun ? 'would' : 'now'}: ${topology}: ${what}\n`)
    },
    onRefusal: ({ code, message }) => {
      refusals += 1
      process.stdout.write(`would be refused now: ${code}: ${message}\n`)
    },
  })
  const done = dryRun ? 'none was done' : 'done'
  const ending = refusals > 0 ? `${done}, and as it is the reset would be refused` : done
  process.stdout.write(`${steps} steps${dryRun ? ', ' : ' '}${ending}\n`)
}

function positionOf(flags: ResetFlags): ResetPosition {
  const given: ResetPosition[] = []
  if (flags.toEarliest === true) given.push({ kind: 'earliest' })
  if (flags.toLatest === true) given.push({ kind: 'latest' })
  if (flags.toDatetime !== undefined) {
    const timestampMs = parseTime(flags.toDatetime)
    if (timestampMs === null) {
      throw new UsageError(`--to-datetime ${flags.toDatetime}: write it as 2026-03-01T00:00:00Z`)
    }
    given.push({ kind: 'time', timestampMs })
  }
  if (flags.shiftBy !== undefined) {
    given.push({ kind: 'shift', by: wholeNumber('--shift-by', flags.shiftBy, /^[+-]?\d{1,15}$/) })
  }
  if (flags.toOffset !== undefined) {
    given.push({ kind: 'offset', offset: wholeNumber('--to-offset', flags.toOffset, /^\d{1,15}$/) })
  }
  if (given.length > 1) throw new UsageError('give one place to read from, not several')
  return given[0] ?? { kind: 'earliest' }
}

function wholeNumber(flag: string, text: string, pattern: RegExp): number {
  if (!pattern.test(text)) throw new UsageError(`${flag} ${text}: a whole number, please`)
  return Number(text)
}
