/** Features for training and reports: `features export | view | abilities`. */
import { Command, Option } from 'commander'
import type { InstanceClient } from '../../app/instance-client.ts'
import { systemClock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import { parseTime } from '../../core/parse-time.ts'
import { learnerAbilities } from '../../jobs/features-abilities.ts'
import { wideViewStatement } from '../../jobs/features-columns.ts'
import { exportTrainingSet, topicsAsOf } from '../../jobs/features-export.ts'
import { refuseForgotten, type Replay } from '../../jobs/replay.ts'
import {
  formatOption,
  once,
  withInstanceOptions,
  type CommonFlags,
  type OutputFormat,
} from '../common-options.ts'
import { printRows } from '../print-rows.ts'
import { openProgress } from '../progress.ts'
import { runJob } from '../run-job.ts'
import { UsageError } from '../usage-error.ts'
import { withClient } from '../with-client.ts'

const topologyName = 'adaptive-learning'

interface ExportFlags extends CommonFlags {
  readonly out: string
  readonly asOf?: string
  readonly topics?: string
  readonly includeLate?: boolean
}

interface ViewFlags extends CommonFlags {
  readonly topics?: string
  readonly create?: boolean
}

interface AbilitiesFlags extends CommonFlags {
  readonly format: OutputFormat
}

export function featuresCommand(): Command {
  const topics = 'whose abilities become columns, with commas between'
  const command = new Command('features').description('features of adaptive learning')
  const toExport = withInstanceOptions(new Command('export'))
    .description('write a training set as Parquet, as known at a given time')
    .addOption(once('--out <dir>', 'a new or empty directory').makeOptionMandatory())
    .addOption(once('--as-of <time>', 'ISO 8601, as 2026-02-28T12:00:00Z (default: now)'))
    .addOption(once('--topics <names>', `${topics} (default: all that occur)`))
    .addOption(
      new Option(
        '--include-late',
        'attempts from beyond the horizon too, whose features rest on what came after them',
      ),
    )
    .action(runExport)
  const view = withInstanceOptions(new Command('view'))
    .description('print the statement of a view with one column for the ability in each topic')
    .addOption(once('--topics <names>', `${topics} (default: all that occur)`))
    .addOption(new Option('--create', 'create the view with these columns'))
    .action(runView)
  const abilities = withInstanceOptions(new Command('abilities'))
    .description('the ability of each learner in each topic, over all first attempts')
    .addOption(formatOption())
    .action(runAbilities)
  return command.addCommand(toExport).addCommand(view).addCommand(abilities)
}

async function runExport(flags: ExportFlags): Promise<void> {
  const given = flags.asOf === undefined ? null : timeOf(flags.asOf)
  const progress = openProgress()
  try {
    const set = await withClient(flags, async (client) => {
      // An instance opened for this command has yet to process what came while none ran.
      if (!client.isRemote) await client.settle()
      const replay = await lastReplay(client)
      // After a replay that has just ended.
      const asOfMs = given ?? systemClock.nowMs()
      if (replay !== undefined) refuseForgotten(replay, asOfMs)
      return exportTrainingSet({
        clickhouse: client.clickhouse,
        directory: flags.out,
        asOfMs,
        topics: flags.topics === undefined ? null : listOf(flags.topics),
        includeLate: flags.includeLate === true,
        onProgress: (rows, total) => {
          progress.update(rows, total, `${rows} attempts`)
        },
        onWarning: (warning) => process.stderr.write(`warning: ${warning}\n`),
      })
    })
    progress.stop()
    const files = `${set.files.length} ${set.files.length === 1 ? 'file' : 'files'}`
    process.stdout.write(`${set.rows} attempts as of ${set.as_of} in ${files}: ${flags.out}\n`)
    if (set.late_rows_left_out > 0) {
      process.stdout.write(
        `left out ${set.late_rows_left_out} late ones, whose features rest on later attempts; ` +
          '--include-late brings them\n',
      )
    }
  } finally {
    progress.stop()
  }
}

/** Undefined where there was none, or where it cannot be asked: without a console door, or of an older version. */
async function lastReplay(client: InstanceClient): Promise<Replay | undefined> {
  let failure: string
  try {
    const response = await client.console('/api/replays')
    if (response.ok) {
      const replays = (await response.json()) as readonly Replay[]
      return replays.find(({ topology }) => topology === topologyName)
    }
    failure = `the instance answered ${response.status}`
  } catch (thrown) {
    if (!(thrown instanceof TidemarkError) || thrown.code !== 'REQUEST_INVALID') throw thrown
    failure = thrown.message
  }
  const unknown = `whether ${topologyName} was reset since the time that is asked for is not known`
  process.stderr.write(`warning: ${unknown}: ${failure}\n`)
  return undefined
}

async function runView(flags: ViewFlags): Promise<void> {
  const given = flags.topics === undefined ? null : listOf(flags.topics)
  await withClient(flags, async (client) => {
    const { clickhouse } = client
    const topics = given ?? (await topicsAsOf({ clickhouse, asOfMs: systemClock.nowMs() }))
    if (flags.create === true) {
      // Strangers, this command among them, only read over HTTP: the instance makes the view.
      const { signal } = new AbortController()
      await runJob(client, 'features.view', { topics }, { signal, onProgress: () => {} })
    }
    process.stdout.write(`${wideViewStatement(topics)}\n`)
  })
}

async function runAbilities(flags: AbilitiesFlags): Promise<void> {
  const rows = await withClient(flags, async (client) => {
    if (!client.isRemote) await client.settle()
    return learnerAbilities(client.clickhouse)
  })
  const printed = rows.map((row) => ({ ...row }))
  printRows(printed, ['user_id', 'topic', 'items', 'ability', 'standard_error'], flags.format)
}

function listOf(names: string): readonly string[] {
  const list = names.split(',').map((name) => name.trim())
  if (list.includes('')) throw new UsageError(`--topics ${names}: write names with commas between`)
  const repeated = list.find((name, at) => list.indexOf(name) !== at)
  if (repeated !== undefined) throw new UsageError(`--topics ${names}: ${repeated} is there twice`)
  return list
}

function timeOf(text: string): number {
  const ms = parseTime(text)
  if (ms !== null) return ms
  throw new UsageError(`--as-of ${text}: expected a time as 2026-02-28T12:00:00Z`)
}
