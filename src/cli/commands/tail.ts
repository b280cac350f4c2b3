/** `tidemark tail TOPIC`: committed records as they come, a line of JSON each. */
import { once as onceEmitted } from 'node:events'
import { Command, Option } from 'commander'
import { systemClock } from '../../core/clock.ts'
import type { RecordsPage } from '../../jobs/tail/read-records.ts'
import {
  clusterAddresses,
  configurationOf,
  once,
  withInstanceOptions,
  type CommonFlags,
} from '../common-options.ts'
import { untilInterrupted } from '../interruption.ts'
import { UsageError } from '../usage-error.ts'

interface TailFlags extends CommonFlags {
  readonly fromBeginning?: boolean
  readonly maxMessages?: string
  readonly timeoutMs?: string
  readonly key?: string
}

/** How long one look waits for the first record. */
const waitMaxMs = 5_000

export function tailCommand(): Command {
  return withInstanceOptions(new Command('tail'), clusterAddresses)
    .description('follow a topic: committed records as they come, a line of JSON each')
    .argument('<topic>', 'any topic: events, facts, tidemark.quarantine')
    .addOption(new Option('--from-beginning', 'from the oldest record that is kept, not the end'))
    .addOption(once('--max-messages <n>', 'end after so many'))
    .addOption(once('--timeout-ms <n>', 'end when no record has come for so long'))
    .addOption(once('--key <key>', 'only records with this key; its parts with commas between'))
    .addHelpText(
      'after',
      `
Looking changes nothing: no group is joined and no offset is committed. Records of transactions that are under way or
were aborted are not shown. Ctrl-C ends it.

  tidemark tail answers
  tidemark tail mcq.test_summary_fact --from-beginning --max-messages 3
  tidemark tail user.attempts --from-beginning --key learner-1 --timeout-ms 1000`,
    )
    .action(run)
}

async function run(topic: string, flags: TailFlags): Promise<void> {
  const messagesMax = countOf('--max-messages', flags.maxMessages, 1) ?? Infinity
  const timeoutMs = countOf('--timeout-ms', flags.timeoutMs, 0) ?? Infinity
  const interruption = untilInterrupted()
  const { signal } = interruption
  // Loaded only here: the engines behind it are large, and most commands need none.
  const { openTopicReader } = await import('../../app/topic-reader.ts')
  const reader = await openTopicReader(configurationOf(flags))
  try {
    let positions: RecordsPage['positions'] = {}
    let shown = 0
    let lastMs = systemClock.nowMs()
    while (shown < messagesMax && !signal.aborted) {
      const patienceMs = lastMs + timeoutMs - systemClock.nowMs()
      const page = await reader.read({
        topic,
        from: flags.fromBeginning === true ? 'beginning' : 'end',
        positions,
        key: flags.key ?? null,
        waitMs: Math.max(0, Math.min(waitMaxMs, patienceMs)),
        signal,
      })
      positions = page.positions
      if (page.removed > 0) {
        process.stderr.write(`${page.removed} offsets were removed before they were read\n`)
      }
      const records = page.records.slice(0, messagesMax - shown)
      shown += records.length
      if (records.length > 0) await print(records)
      if (records.length > 0 || page.behind > 0) lastMs = systemClock.nowMs()
      else if (systemClock.nowMs() - lastMs >= timeoutMs) return
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown
  } finally {
    interruption.release()
    await reader.close()
  }
}

/** Whoever reads our output sets the pace. */
async function print(records: RecordsPage['records']): Promise<void> {
  const text = records.map((record) => `${JSON.stringify(record)}\n`).join('')
  if (!process.stdout.write(text)) await onceEmitted(process.stdout, 'drain')
}

function countOf(flag: string, text: string | undefined, min: number): number | null {
  if (text === undefined) return null
  if (/^\d{1,9}$/.test(text) && Number(text) >= min) return Number(text)
  throw new UsageError(`${flag} ${text}: expected a whole number from ${min} up`)
}
