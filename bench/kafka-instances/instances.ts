/**
 * `npm run bench -- instances`: for how long a task's committed output pauses when instances are stopped, killed, added
 * and rolled, with a standby of each task, under 500 records a second. The quiet pause is that of the machine and of the
 * input, and part of each other figure.
 */
import { startKafka } from '../../tools/kafka/start-kafka.ts'
import type { Happening } from '../../test/kafka/instances-stage.ts'
import { tellStory } from '../../test/kafka/instances-story.ts'
import { median } from '../kafka/figures.ts'
import type { BenchOptions, Figures } from '../benchmark.ts'

/** The shortest with which a crash costs about two seconds; brokers refuse it unless they are told. */
const sessionTimeoutMs = 1_500
/** As an instance has it with such a session. */
const heartbeatIntervalMs = 150
const transactionTimeoutMs = 60_000
const acceptableRecoveryLag = 500

export async function runInstances({ rounds, log }: BenchOptions): Promise<Figures> {
  const pauses = new Map<string, number[]>()
  for (let round = 1; round <= rounds; round++) {
    for (const happening of await oneRound()) {
      log(`${round}: ${JSON.stringify(figuresOf(happening))}`)
      for (const [figure, value] of Object.entries(figuresOf(happening))) {
        pauses.set(figure, [...(pauses.get(figure) ?? []), value])
      }
    }
  }
  const figures: Record<string, number> = { session_timeout_ms: sessionTimeoutMs }
  for (const [figure, values] of pauses) {
    figures[`${figure}_median`] = Math.round(median(values))
    figures[`${figure}_max`] = Math.max(...values)
  }
  return figures
}

/** A broker of its own each time: the topics' names are always the same. */
async function oneRound(): Promise<readonly Happening[]> {
  const kafka = await startKafka({ overrides: { 'group.min.session.timeout.ms': 1_000 } })
  try {
    const { happenings, anomalies } = await tellStory({
      bootstrapServers: kafka.bootstrapServers.split(','),
      group: { sessionTimeoutMs, heartbeatIntervalMs },
      transactionTimeoutMs,
      acceptableRecoveryLag,
      tell: () => undefined,
    })
    if (anomalies.examples.length > 0) throw new Error(anomalies.examples.join('\n'))
    return happenings
  } finally {
    await kafka.close()
  }
}

/** Of the tasks that moved and of those that stayed, the longest pause. */
function figuresOf({ name, pauses, moved }: Happening): Record<string, number> {
  const slug = name.toLowerCase().replaceAll(' ', '_')
  const found: Record<string, number> = {}
  for (const [id, { silentMs }] of pauses) {
    const figure = `${slug}_${moved.includes(id) ? 'moved' : 'stayed'}_ms`
    found[figure] = Math.max(found[figure] ?? 0, silentMs)
  }
  return found
}
