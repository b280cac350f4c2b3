import { Command, Option } from 'commander'
import { readdirSync, readFileSync } from 'node:fs'
import { TidemarkError } from '../../core/errors.ts'
import {
  formatOption,
  withInstanceOptions,
  type CommonFlags,
  type OutputFormat,
} from '../common-options.ts'
import { withClient } from '../with-client.ts'
import { UsageError } from '../usage-error.ts'

interface SqlFlags extends CommonFlags {
  readonly question?: string
  readonly questions?: boolean
  readonly param: readonly string[]
  readonly format: OutputFormat
}

const clickHouseFormats = { table: 'PrettyCompactMonoBlock', json: 'JSON', csv: 'CSVWithNames' }
const questionsDirectory = new URL('../../../schemas/clickhouse/questions/', import.meta.url)

export function sqlCommand(): Command {
  const command = new Command('sql')
    .description('query ClickHouse, read only')
    .argument('[query]', 'a SELECT; {name:Type} takes --param name=value')
    .addOption(new Option('--question <name>', 'run a saved question'))
    .addOption(new Option('--questions', 'list the saved questions'))
    .addOption(
      new Option('--param <name=value>', 'a parameter of the query, repeatable')
        .default([])
        .argParser((value: string, all: readonly string[]) => [...all, value]),
    )
    .addOption(formatOption())
    .action(run)
  return withInstanceOptions(command)
}

async function run(query: string | undefined, flags: SqlFlags): Promise<void> {
  if (flags.questions === true) {
    for (const name of questionNames())
      process.stdout.write(`${name.padEnd(20)} ${titleOf(name)}\n`)
    return
  }
  const text = textOf(query, flags.question)
  const parameters = new URLSearchParams({ default_format: clickHouseFormats[flags.format] })
  for (const pair of flags.param) {
    const split = pair.indexOf('=')
    if (split < 1) throw new UsageError(`--param ${pair}: write name=value`)
    parameters.set(`param_${pair.slice(0, split)}`, pair.slice(split + 1))
  }
  const answer = await withClient(flags, async (client) => {
    // An instance opened for this query has yet to process what came while none ran.
    if (!client.isRemote) await client.settle()
    const path = `/?${parameters.toString()}`
    const response = await client.clickhouse(path, { method: 'POST', body: text })
    const body = await response.text()
    if (!response.ok) throw new TidemarkError('QUERY_FAILED', body.trim())
    return body
  })
  process.stdout.write(answer)
}

function textOf(query: string | undefined, question: string | undefined): string {
  if ((query === undefined) === (question === undefined)) {
    throw new UsageError('give either a query or --question NAME; --questions lists the names')
  }
  if (query !== undefined) return query
  const name = question ?? ''
  if (!questionNames().includes(name)) {
    throw new UsageError(`there is no question ${name}; known are ${questionNames().join(', ')}`)
  }
  return readFileSync(new URL(`${name}.sql`, questionsDirectory), 'utf8')
}

function questionNames(): readonly string[] {
  return readdirSync(questionsDirectory)
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .sort()
}

function titleOf(name: string): string {
  const text = readFileSync(new URL(`${name}.sql`, questionsDirectory), 'utf8')
  return /^-- title: (.*)$/m.exec(text)?.[1] ?? ''
}
