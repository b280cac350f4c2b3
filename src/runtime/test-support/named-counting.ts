/** The counting topology under the name that its URL asks for, `…/named-counting.ts?name=NAME`: workers load it so
 * on a broker that others use too. */
import { topicName } from '../../core/record.ts'
import { defineTopology } from '../../topology/define.ts'
import { counts, words } from './counting.ts'

const name = new URL(import.meta.url).searchParams.get('name') ?? 'named'

export const namedWords = { ...words, name: topicName(`${name}-words`) }
export const namedCounts = { ...counts, name: topicName(`${name}-counts`) }

export default defineTopology(name, (builder) => {
  builder
    .stream('word', namedWords)
    .groupByKey('by-word')
    .count('count', { store: 'counts', emit: 'on-commit' })
    .toStream('counted')
    .to('counts-out', namedCounts)
})
