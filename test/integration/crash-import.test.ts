/**
 * Killed again and again while events come in, an instance of all five topologies ends with the facts of one that was
 * left in peace, and with the same records in quarantine.
 *
 *   TIDEMARK_TEST_SEED=N npm test -- crash-import     the same events and kills again
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { bundledTopologyNames } from '../../src/app/topologies.ts'
import { crashEvents } from './support/crash-events.ts'
import { crashWorlds } from './support/crash-worlds.ts'
import { assertSameFacts, factsAndRefusedOf, type Facts } from './support/facts.ts'
import { batchesOf, Feed } from './support/feed.ts'
import {
  describe,
  InstanceProcess,
  killAllInstances,
  type InstanceFlags,
} from './support/instance-process.ts'
import { postMortem } from './support/post-mortem.ts'
import { Random, seedOfRun } from './support/random.ts'
import { freePortOffset } from './support/free-port-offset.ts'

const kills = 24
/** How long after it is ready an instance lives at most. */
const lifeMaxMs = 600
/** Batches that the feed goes back at most after a kill, beyond the last acknowledged one. */
const goBackMax = 20
const ofAllTopologies = ['--topologies', bundledTopologyNames().join(',')]

after(killAllInstances)

void test(`an instance that is killed ${kills} times while events come in ends with the same facts`, async (context) => {
  const seed = seedOfRun()
  context.diagnostic(`TIDEMARK_TEST_SEED=${seed}`)
  const events = new Random(seed).shuffled([...crashEvents(seed), ...crashWorlds(seed)])
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-crash-import-'))
  try {
    const undisturbed = await runUndisturbed(
      join(directory, 'undisturbed'),
      new Feed(batchesOf(events, 500)),
    )
    const storm = new Storm(
      join(directory, 'killed'),
      new Feed(batchesOf(events, 4)),
      new Random(seed),
    )
    const facts = await storm.run(undisturbed.startMs)
    assertSameFacts(facts, undisturbed.facts, `TIDEMARK_TEST_SEED=${seed}`)
    storm.assertKillsWereFelt(context)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

async function runUndisturbed(
  dataDir: string,
  feed: Feed,
): Promise<{ facts: Facts; startMs: number }> {
  const beginMs = performance.now()
  const portOffset = await freePortOffset()
  const instance = new InstanceProcess({ dataDir, portOffset, words: ofAllTopologies })
  await instance.ready()
  const startMs = performance.now() - beginMs
  await feed.sendRest(instance)
  await instance.idle()
  const facts = await factsAndRefusedOf(instance)
  const exit = await instance.end('SIGTERM')
  assert.equal(exit.code, 0, `${describe(exit)}\n${instance.output}`)
  for (const [table, rows] of facts)
    assert.ok(rows.length > 0, `${table} is empty: nothing to compare`)
  return { facts, startMs }
}

class Storm {
  readonly #dataDir: string
  readonly #feed: Feed
  readonly #random: Random
  /** Of the kills, how many met what. */
  readonly #met = {
    starting: 0,
    beforeFirstCommit: 0,
    eventsUnprocessed: 0,
    factsUnwritten: 0,
    /** Between an append and its answer. */
    beforeAcknowledgement: 0,
    withNewEvents: 0,
  }
  #processed = 0
  /** Records that are durable and were never acknowledged. */
  #unheard = 0

  constructor(dataDir: string, feed: Feed, random: Random) {
    this.#dataDir = dataDir
    this.#feed = feed
    this.#random = random
  }

  /** @param startMs what a start takes here, roughly */
  async run(startMs: number): Promise<Facts> {
    const place = { dataDir: this.#dataDir, portOffset: await freePortOffset() }
    const flags = { ...place, words: ofAllTopologies }
    for (let kill = 0; kill < kills; kill++) {
      // Every other one early enough that nothing can have been committed.
      if (kill % 8 === 3) await this.#killWhileStarting(flags, startMs / 2)
      else if (kill % 8 === 7) await this.#killWhileStarting(flags, startMs)
      else await this.#killWhileFeeding(flags)
    }
    const last = new InstanceProcess(flags)
    await last.ready()
    await this.#feed.sendRest(last)
    await last.idle()
    const facts = await factsAndRefusedOf(last)
    const exit = await last.end('SIGTERM')
    assert.equal(exit.code, 0, `${describe(exit)}\n${last.output}`)
    return facts
  }

  async #killWhileStarting(flags: InstanceFlags, withinMs: number): Promise<void> {
    const instance = new InstanceProcess(flags)
    await wait(this.#random.between(0, withinMs))
    await this.#kill(instance)
    await this.#examine()
    this.#met.starting++
  }

  async #killWhileFeeding(flags: InstanceFlags): Promise<void> {
    const acknowledgedBefore = this.#feed.acknowledged
    const instance = new InstanceProcess(flags)
    await instance.ready()
    const dying = new AbortController()
    const feeding = this.#feedUntilDeath(instance, dying.signal)
    await Promise.race([wait(this.#random.between(0, lifeMaxMs)), feeding])
    dying.abort()
    await this.#kill(instance)
    await feeding
    await this.#examine()
    if (this.#feed.acknowledged > acknowledgedBefore) this.#met.withNewEvents++
  }

  /** On from what was acknowledged, and a little before; again and again where new events run out. */
  async #feedUntilDeath(instance: InstanceProcess, dying: AbortSignal): Promise<void> {
    const feed = this.#feed
    const newMax = Math.ceil((1.5 * feed.batches.length) / kills)
    const end = Math.min(feed.acknowledged + newMax, feed.batches.length)
    let next = Math.max(0, feed.acknowledged - this.#random.between(0, goBackMax))
    try {
      while (!dying.aborted) {
        await feed.send(instance, next)
        next = next + 1 < end ? next + 1 : this.#random.between(0, end - 1)
      }
    } catch (thrown) {
      if (!dying.aborted) throw thrown
    }
  }

  async #kill(instance: InstanceProcess): Promise<void> {
    const exit = await instance.end('SIGKILL')
    assert.equal(
      exit.signal,
      'SIGKILL',
      `it ended by itself: ${describe(exit)}\n${instance.output}`,
    )
  }

  async #examine(): Promise<void> {
    const found = await postMortem(this.#dataDir)
    for (const [topic, acknowledged] of this.#feed.recordsAcknowledged) {
      const durable = found.durable.get(topic) ?? 0
      assert.ok(durable >= acknowledged, `${topic}: ${acknowledged} acknowledged, ${durable} there`)
    }
    const unheard = sum(found.durable) - sum(this.#feed.recordsAcknowledged)
    if (found.processed === this.#processed) this.#met.beforeFirstCommit++
    if (found.unprocessed > 0) this.#met.eventsUnprocessed++
    if (found.unwritten > 0) this.#met.factsUnwritten++
    if (unheard > this.#unheard) this.#met.beforeAcknowledgement++
    this.#processed = found.processed
    this.#unheard = unheard
  }

  /** Or the harness would be idle, and its success would say nothing. */
  assertKillsWereFelt(context: TestContext): void {
    const { batches, batchesSentAgain } = this.#feed
    context.diagnostic(
      `${batches.length} batches, ${batchesSentAgain} sent again; kills ${JSON.stringify(this.#met)}`,
    )
    for (const [phase, count] of Object.entries(this.#met)) {
      assert.ok(count > 0, `no kill met this: ${phase}`)
    }
    assert.ok(batchesSentAgain > 0, 'nothing was sent twice')
  }
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0)
}
