/**
 * The tables that a consumer's facts go to, known by their identities. Another table may take the place of one while the
 * consumer runs (`tidemark rebuild`): what was committed for the old one says nothing of the new, and the members of a group must
 * not go on with different ones, each of which reads from the start what the other has written.
 */
import { present } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import type { Offset, TopicName, TopicPartition } from '../core/record.ts'
import type { Log } from '../log/log.ts'
import { epochOf, type FactSource } from './fact-rows.ts'
import { isTableLost } from './lost-table.ts'
import type { RebuiltTable } from './rebuilt-facts.ts'
import type { Sink } from './sink.ts'
import { startOffsets } from './start-offsets.ts'

export interface FactTablesOptions {
  readonly sink: Sink
  readonly log: Log
  readonly clock: Clock
  readonly groupId: string
  readonly facts: readonly FactSource[]
  readonly epoch: number | ReadonlyMap<TopicName, number>
  /** How long another table may stand there before it is noticed. */
  readonly tableCheckMs: number
}

export class FactTables {
  readonly #options: FactTablesOptions
  #identities: ReadonlyMap<TopicName, string> = new Map()
  #checkedMs = 0
  #version = 0
  #isChanging = false

  constructor(options: FactTablesOptions) {
    this.#options = options
  }

  /** Another one whenever the identities are, and once the consumer has begun anew for them. */
  get version(): number {
    return this.#version
  }

  /** @throws what `sink.identitiesOf` throws */
  async load(): Promise<void> {
    this.#identities = await this.#ask()
    this.#checkedMs = this.#options.clock.monotonicMs()
  }

  identityOf(topic: TopicName): string {
    return present(this.#identities.get(topic), `identity of the table of ${topic}`)
  }

  /** Where to begin to read these for the tables as they are known. */
  async starts(partitions: readonly TopicPartition[]): Promise<readonly Offset[]> {
    const { log, groupId, epoch } = this.#options
    const tableOf = (topic: TopicName): RebuiltTable => ({
      identity: this.identityOf(topic),
      epoch: epochOf(epoch, topic),
    })
    return await startOffsets(log, groupId, partitions, tableOf)
  }

  isDue(): boolean {
    const { clock, tableCheckMs } = this.#options
    return clock.monotonicMs() - this.#checkedMs >= tableCheckMs
  }

  lookSoon(): void {
    this.#checkedMs = -Infinity
  }

  /** The topics whose tables are others than before, which are known from here on; where there are any, `settled` is to follow.
   * Null where nobody answers.
   * @throws TidemarkError SINK_REFUSED where one is lost (`isTableLost`) */
  async changed(signal: AbortSignal): Promise<ReadonlySet<TopicName> | null> {
    this.#checkedMs = this.#options.clock.monotonicMs()
    const compared = await this.#compare(signal)
    if (compared === null) return null
    const [found, changed] = compared
    if (changed.size > 0) {
      this.#identities = found
      this.#version += 1
      this.#isChanging = true
    }
    return changed
  }

  settled(): void {
    this.#version += 1
    this.#isChanging = false
  }

  /** Whether the tables are those of the version. Where another stands there, it is looked at anew without a wait. */
  async isStill(version: number, signal: AbortSignal): Promise<boolean> {
    const isSame = await this.#isSame(signal)
    if (!isSame) this.lookSoon()
    return isSame && !this.#isChanging && version === this.#version
  }

  async #isSame(signal: AbortSignal): Promise<boolean> {
    try {
      const compared = await this.#compare(signal)
      return compared === null || compared[1].size === 0
    } catch (thrown) {
      if (isTableLost(thrown)) return false
      throw thrown
    }
  }

  /** A question that fails says nothing, unless it is answered that there is no such table; rows that are refused will. */
  async #compare(
    signal: AbortSignal,
  ): Promise<[ReadonlyMap<TopicName, string>, ReadonlySet<TopicName>] | null> {
    try {
      const found = await this.#ask(signal)
      const changed = [...found].filter(([topic, identity]) => identity !== this.identityOf(topic))
      return [found, new Set(changed.map(([topic]) => topic))]
    } catch (thrown) {
      if (!(thrown instanceof TidemarkError) || isTableLost(thrown)) throw thrown
      return null
    }
  }

  async #ask(signal?: AbortSignal): Promise<ReadonlyMap<TopicName, string>> {
    const { sink, facts } = this.#options
    const identities = await sink.identitiesOf(
      facts.map(({ fact }) => fact),
      signal,
    )
    return new Map(
      facts.map(({ fact }, index) => [fact.topic.name, present(identities[index], 'an identity')]),
    )
  }
}
