import { Command, Option } from 'commander'
import { TidemarkError } from '../../core/errors.ts'
import type { RedriveOutcome, RedriveRequest } from '../../server/console/console-app.ts'
import {
  formatOption,
  withInstanceOptions,
  type CommonFlags,
  type OutputFormat,
} from '../common-options.ts'
import { withClient } from '../with-client.ts'
import { printRows } from '../print-rows.ts'
import { queryRows } from '../query-rows.ts'
import { UsageError } from '../usage-error.ts'

interface ListFlags extends CommonFlags {
  readonly topic?: string
  readonly all?: boolean
  readonly limit: string
  readonly format: OutputFormat
}

interface RedriveFlags extends CommonFlags {
  readonly topic?: string
  readonly all?: boolean
  readonly set: readonly string[]
  readonly value?: string
}

const listColumns = ['id', 'topic', 'partition', 'offset', 'check', 'level', 'reason', 'status']

export function quarantineCommand(): Command {
  const list = withInstanceOptions(new Command('list'))
    .description('records that were refused, newest first')
    .addOption(new Option('--topic <topic>', 'only those of a topic'))
    .addOption(new Option('--all', 'those that were re-driven too'))
    .addOption(new Option('--limit <n>', 'at most so many').default('100'))
    .addOption(formatOption())
    .action(listEntries)
  const show = withInstanceOptions(new Command('show'))
    .description('one refused record whole, with its original bytes')
    .argument('<id>')
    .action(showEntry)
  const redrive = withInstanceOptions(new Command('redrive'))
    .description('send refused records to their topics again, mended or as they were')
    .argument('[id...]', 'which; or --topic, or --all')
    .addOption(new Option('--topic <topic>', 'all of a topic'))
    .addOption(new Option('--all', 'all that are still quarantined'))
    .addOption(
      new Option('--set <field=json>', 'set a field of the value first, repeatable')
        .default([])
        .argParser((value: string, all: readonly string[]) => [...all, value]),
    )
    .addOption(new Option('--value <json>', 'a whole new value in place of the old'))
    .action(redriveEntries)
  return new Command('quarantine')
    .description('look at refused records and send them again')
    .addCommand(list)
    .addCommand(show)
    .addCommand(redrive)
}

async function listEntries(flags: ListFlags): Promise<void> {
  if (!/^\d{1,9}$/.test(flags.limit)) throw new UsageError('--limit: a whole number, please')
  const rows = await withClient(flags, (client) =>
    queryRows(
      client,
      `SELECT ${listColumns.join(', ')} FROM tidemark.quarantine
       WHERE ({topic:String} = '' OR topic = {topic:String}) AND ({all:UInt8} OR status = 'quarantined')
       ORDER BY event_time DESC, id LIMIT ${flags.limit}`,
      { topic: flags.topic ?? '', all: flags.all === true ? '1' : '0' },
    ),
  )
  printRows(rows, listColumns, flags.format)
}

async function showEntry(id: string, flags: CommonFlags): Promise<void> {
  const rows = await withClient(flags, (client) =>
    queryRows(
      client,
      `SELECT * EXCEPT (record_key, record_value), hex(record_key) AS key_hex, hex(record_value) AS value_hex,
              if(isValidUTF8(record_value), record_value, NULL) AS value_text
       FROM tidemark.quarantine WHERE id = {id:String}`,
      { id },
    ),
  )
  const entry = rows[0]
  if (entry === undefined) {
    throw new TidemarkError(
      'REQUEST_INVALID',
      `there is no quarantined record ${id}; tidemark quarantine list shows them`,
    )
  }
  for (const [name, value] of Object.entries(entry)) {
    process.stdout.write(`${name.padEnd(18)} ${value === null ? '' : String(value)}\n`)
  }
}

async function redriveEntries(ids: readonly string[], flags: RedriveFlags): Promise<void> {
  if (ids.length === 0 && flags.topic === undefined && flags.all !== true) {
    throw new UsageError('name the records, or give --topic TOPIC or --all')
  }
  const request: RedriveRequest = {
    ...(ids.length > 0 ? { ids } : {}),
    ...(flags.topic === undefined ? {} : { topic: flags.topic }),
    ...(flags.set.length > 0 ? { set: Object.fromEntries(flags.set.map(assignment)) } : {}),
    ...(flags.value === undefined ? {} : { value: parseJson('--value', flags.value) }),
  }
  const outcome = await withClient(flags, async (client) => {
    const response = await client.console('/api/quarantine/redrive', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    })
    if (!response.ok) throw new TidemarkError('REQUEST_INVALID', await response.text())
    return (await response.json()) as RedriveOutcome
  })
  process.stdout.write(`${outcome.redriven.length} sent again, ${outcome.refused.length} refused\n`)
  for (const { id, reason } of outcome.refused) process.stderr.write(`${id}: ${reason}\n`)
  if (outcome.refused.length > 0) process.exitCode = 1
}

function assignment(pair: string): [string, unknown] {
  const split = pair.indexOf('=')
  if (split < 1)
    throw new UsageError(`--set ${pair}: write field=value, the value as JSON or plain text`)
  const text = pair.slice(split + 1)
  try {
    return [pair.slice(0, split), JSON.parse(text)]
  } catch {
    return [pair.slice(0, split), text]
  }
}

function parseJson(flag: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError(`${flag}: not JSON: ${text}`)
  }
}
