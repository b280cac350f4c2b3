import { Command, Option } from 'commander'
import { systemClock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { InstanceClient } from '../../app/instance-client.ts'
import { sourceTopics } from '../../app/source-topics.ts'
import { ingestFiles } from '../../sources/ingest-files.ts'
import { refusalPolicies, type RefusalPolicy } from '../../sources/ingest-port.ts'
import type { SenderTotals } from '../../sources/record-sender.ts'
import { followFeed } from '../../sources/sse.ts'
import { configurationOf, once, withInstanceOptions, type CommonFlags } from '../common-options.ts'
import { untilInterrupted } from '../interruption.ts'
import { openProgress } from '../progress.ts'
import { UsageError } from '../usage-error.ts'
import { withClient } from '../with-client.ts'

interface IngestFlags extends CommonFlags {
  readonly sse?: string
  readonly onError: RefusalPolicy
  readonly wait?: boolean
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

async function run(topic: string, files: readonly string[], flags: IngestFlags): Promise<void> {
  if (files.length > 0 === (flags.sse !== undefined)) {
    throw new UsageError('give either files or --sse URL')
  }
  const definition = (await sourceTopics(configurationOf(flags).topologies)).get(topic)
  if (definition === undefined) {
    const known = [...(await sourceTopics(configurationOf(flags).topologies)).keys()].sort()
    throw new TidemarkError(
      'TOPIC_UNKNOWN',
      `topic ${topic}: no topology here reads it; known are ${known.join(', ')}`,
    )
  }
  await withClient(flags, async (client) => {
    if (flags.sse === undefined) await fromFiles(client, definition, files, flags)
    else await fromFeed(client, topic, flags.sse, flags)
    if (flags.wait === true) await client.settle()
  })
}
