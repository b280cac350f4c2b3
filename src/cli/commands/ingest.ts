import { Command, Option } from 'commander'
import { systemClock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { TopicDefinition } from '../../core/topic.ts'
import { feedPosition } from '../../app/feed-positions.ts'
import type { InstanceClient } from '../../app/instance-client.ts'
import { sourceTopics } from '../../app/source-topics.ts'
import { sourceRowField } from '../../facts/open-university-tables.ts'
import { ingestFiles } from '../../sources/ingest-files.ts'
import { refusalPolicies, type RefusalPolicy } from '../../sources/ingest-port.ts'
import type { SenderTotals } from '../../sources/record-sender.ts'
import { followFeed } from '../../sources/sse.ts'
import { configurationOf, once, withInstanceOptions, type CommonFlags } from '../common-options.ts'
import { droppedTopic, ingestDrops, isTable } from '../ingest-drops.ts'
import { untilInterrupted } from '../interruption.ts'
import { openProgress } from '../progress.ts'
import { recordRun } from '../record-run.ts'
import { UsageError } from '../usage-error.ts'
import { withClient } from '../with-client.ts'

interface IngestFlags extends CommonFlags {
  readonly sse?: string
  readonly onError: RefusalPolicy
  readonly wait?: boolean
}

interface Intake {
  readonly client: InstanceClient
  readonly topic: TopicDefinition
  readonly onError: RefusalPolicy
  readonly recordBytesMax: number
  readonly signal: AbortSignal
}

export function ingestCommand(): Command {
  return withInstanceOptions(new Command('ingest'))
    .description('bring events in: files of JSON lines, CSV or TSV (gzipped too), or a live feed')
    .argument('<topic>')
    .argument('[file...]')
    .addOption(once('--sse <url>', 'follow a feed of server-sent events until stopped'))
    .addOption(
      new Option('--on-error <policy>', 'what becomes of a batch with a record that is refused')
        .choices([...refusalPolicies])
        .default('quarantine'),
    )
    .addOption(new Option('--wait', 'return when the facts are queryable'))
    .action(run)
}

async function run(name: string, files: readonly string[], flags: IngestFlags): Promise<void> {
  const { sse, onError } = flags
  if (files.length > 0 === (sse !== undefined)) {
    throw new UsageError('give either files or --sse URL')
  }
  const { dataDir, topologies, recordBytesMax } = configurationOf(flags)
  const topic = await topicOf(name, topologies)
  const interruption = untilInterrupted()
  try {
    await withClient(flags, async (client) => {
      const intake = { client, topic, onError, recordBytesMax, signal: interruption.signal }
      if (sse !== undefined) await fromFeed(intake, sse, dataDir)
      else {
        const { signal } = interruption
        const work = { job: 'ingest', request: { topic: name, files }, signal }
        const areDrops = name === droppedTopic && files.every(isTable)
        await recordRun<object>(client, work, () =>
          areDrops ? ingestDrops(client, files, signal) : fromFiles(intake, files),
        )
      }
      if (flags.wait === true) await client.settle()
    })
  } finally {
    interruption.release()
  }
}

async function topicOf(name: string, topologies: readonly string[]): Promise<TopicDefinition> {
  const topics = await sourceTopics(topologies)
  const topic = topics.get(name)
  if (topic !== undefined) return topic
  const known = [...topics.keys()].sort().join(', ')
  throw new TidemarkError('TOPIC_UNKNOWN', `no topology here reads ${name}; known are ${known}`)
}

async function fromFiles(intake: Intake, files: readonly string[]): Promise<SenderTotals> {
  const { client, topic, onError, recordBytesMax, signal } = intake
  const progress = openProgress()
  try {
    const report = await ingestFiles({
      topic,
      files,
      ingest: client.port,
      clock: systemClock,
      onError,
      recordBytesMax,
      signal,
      ...rowFieldOf(topic),
      onProgress: ({ file, bytesRead, bytesTotal, rows, rowsPerSecond }) => {
        const note = `${rows} rows, ${Math.round(rowsPerSecond)}/s · ${file}`
        progress.update(bytesRead, bytesTotal, note)
      },
    })
    progress.stop()
    printTotals(topic.name, report)
    if (signal.aborted) process.exitCode = 1
    return report
  } finally {
    progress.stop()
  }
}

/** Of two lines of one key in a file the later one counts where the topic’s rows can say which they are. */
function rowFieldOf({ schema }: TopicDefinition): { readonly identityField?: string } {
  const { fields = [] } = schema as { readonly fields?: readonly { readonly name: string }[] }
  return fields.some(({ name }) => name === sourceRowField) ? { identityField: sourceRowField } : {}
}

async function fromFeed(intake: Intake, url: string, dataDir: string): Promise<void> {
  const { client, topic, onError, recordBytesMax, signal } = intake
  const position = feedPosition(dataDir, topic.name, url)
  const lastEventId = position.read()
  const totals = await followFeed({
    url,
    topic: topic.name,
    ingest: client.port,
    clock: systemClock,
    signal,
    onError,
    dataLengthMax: recordBytesMax,
    ...(lastEventId === undefined ? {} : { lastEventId }),
    onLastEventId: (id) => {
      position.save(id)
    },
    onState: (state) => {
      const detail =
        state.kind === 'waiting' ? `: ${state.reason}; again in ${state.delayMs} ms` : ''
      process.stderr.write(`${url} ${state.kind}${detail}\n`)
    },
  })
  printTotals(topic.name, totals)
  if (totals.ignored > 0) {
    process.stdout.write(`${topic.name}: ${totals.ignored} events of other names left out\n`)
  }
}

function printTotals(topic: string, totals: SenderTotals): void {
  const { taken, quarantined, refused, warnings, firstRefusals } = totals
  const parts = [
    `${taken} taken`,
    `${quarantined} quarantined`,
    `${refused} refused`,
    `${warnings} warnings`,
  ]
  process.stdout.write(`${topic}: ${parts.join(', ')}\n`)
  for (const refusal of firstRefusals) process.stderr.write(`${refusal}\n`)
}
