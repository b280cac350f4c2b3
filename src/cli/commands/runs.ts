import { Command, InvalidArgumentError, Option } from 'commander'
import { TidemarkError } from '../../core/errors.ts'
import {
  formatOption,
  reportFormatOption,
  withInstanceOptions,
  type CommonFlags,
  type OutputFormat,
} from '../common-options.ts'
import { printRows, type PrintedRow } from '../print-rows.ts'
import { queryRows } from '../query-rows.ts'
import { withClient } from '../with-client.ts'

interface ListFlags extends CommonFlags {
  readonly job?: string
  readonly state?: string
  readonly limit: number
  readonly format: OutputFormat
}

interface ShowFlags extends CommonFlags {
  readonly format: 'table' | 'json'
}

const states = ['running', 'succeeded', 'failed', 'interrupted']
const listColumns = ['run_id', 'job', 'state', 'started_at', 'seconds', 'outcome']
const jsonFields = ['request', 'result']

export function runsCommand(): Command {
  const list = withInstanceOptions(new Command('list'))
    .description('what was run, the latest first')
    .addOption(
      new Option('--job <name>', 'only runs of this job, or of those that begin so: lake.'),
    )
    .addOption(new Option('--state <state>', 'only those in this state').choices(states))
    .addOption(
      new Option('--limit <n>', 'at most so many').default(50).argParser((text) => {
        if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('a whole number from 1')
        return Number(text)
      }),
    )
    .addOption(formatOption())
    .action(listRuns)
  const show = withInstanceOptions(new Command('show'))
    .description('one run whole: what was asked for, and what came of it')
    .argument('<id>', 'its id, or how it begins')
    .addOption(reportFormatOption('how it is printed'))
    .action(showRun)
  return new Command('runs')
    .description('what was run: imports, ingested files, rebuilds, jobs')
    .addCommand(list)
    .addCommand(show)
}

async function listRuns({ job = '', state = '', limit, format, ...flags }: ListFlags) {
  const rows = await withClient(flags, (client) =>
    queryRows(
      client,
      `SELECT run_id, job, state, formatDateTime(run.started_at, '%Y-%m-%d %H:%i:%S') AS started_at,
              round(dateDiff('millisecond', run.started_at, run.finished_at) / 1000, 1) AS seconds,
              substring(coalesce(error, result, ''), 1, 120) AS outcome
       FROM tidemark.runs AS run
       WHERE startsWith(job, {job:String}) AND ({state:String} = '' OR state = {state:String})
       ORDER BY run.started_at DESC, run_id LIMIT ${limit}`,
      { job, state },
    ),
  )
  if (rows.length > 0 || format !== 'table') printRows(rows, listColumns, format)
  else process.stdout.write(`${emptyAnswer(job, state)}\n`)
}

function emptyAnswer(job: string, state: string): string {
  if (job === '' && state === '')
    return 'nothing was run yet: imports, ingests and jobs are listed here'
  const which = [job === '' ? '' : `of ${job}`, state === '' ? '' : `that is ${state}`]
  return `there is no run ${which.filter((part) => part !== '').join(' ')}`
}

async function showRun(id: string, { format, ...flags }: ShowFlags): Promise<void> {
  const rows = await withClient(flags, (client) =>
    queryRows(
      client,
      `SELECT * FROM tidemark.runs WHERE startsWith(run_id, {id:String}) ORDER BY run_id LIMIT 2`,
      { id },
    ),
  )
  const [run, another] = rows
  if (run === undefined || another !== undefined) {
    const found = run === undefined ? 'there is no run' : 'more than one run begins with'
    throw new TidemarkError('REQUEST_INVALID', `${found} ${id}; tidemark runs list shows them`)
  }
  const fields = Object.entries(run).map(([name, value]) => [name, readable(name, value)] as const)
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify(Object.fromEntries(fields), null, 2)}\n`)
    return
  }
  for (const [name, value] of fields) {
    const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
    process.stdout.write(`${name.padEnd(12)} ${value === null ? '' : text}\n`)
  }
}

/** What is kept as JSON, as what it is. */
function readable(name: string, value: PrintedRow[string]): unknown {
  return jsonFields.includes(name) && typeof value === 'string' ? JSON.parse(value) : value
}
