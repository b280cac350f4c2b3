/** A topology that computes for `busyMs` on a word that asks for it; as a module of its own, because workers load it by
 * its URL, `…/busy-topology.test-child.ts?name=NAME`. */
import { systemClock } from '../../../src/core/clock.ts'
import { topicName } from '../../../src/core/record.ts'
import { counts, words } from '../../../src/runtime/test-support/counting.ts'
import { defineTopology } from '../../../src/topology/define.ts'
import { shortSessionMs } from './short-session.ts'

export const busyMs = 2 * shortSessionMs + 1_000
export const busyWord = 'compute'

const name = new URL(import.meta.url).searchParams.get('name') ?? 'busy'

export const busyWords = { ...words, name: topicName(`${name}-words`), partitionCount: 1 }
export const busyCounts = { ...counts, name: topicName(`${name}-counts`), partitionCount: 1 }

/** Without giving the thread away. */
function compute(): void {
  const endMs = systemClock.nowMs() + busyMs
  for (let turns = 0; systemClock.nowMs() < endMs; turns += 1) Math.sqrt(turns)
}

export default defineTopology(name, (builder) => {
  builder
    .stream('word', busyWords)
    .peek('compute', (_key, value) => {
      if (value?.word === busyWord) compute()
    })
    .groupByKey('by-word')
    .count('count', { store: 'counts', emit: 'on-commit' })
    .toStream('counted')
    .to('counts-out', busyCounts)
})
