/** A small topology in two versions, for what a start makes of a change. */
import { writeFile } from 'node:fs/promises'

const source = (path: string) => new URL(`../../../src/${path}`, import.meta.url).href

/** A topology that counts clicks in a store of this name, or in none: written to the path, which it returns. */
export async function clicksTopology(path: string, store: string | null): Promise<string> {
  const count =
    store === null
      ? `stream.to('copied', copies)`
      : `stream.groupByKey('clicks-by-user').count('count-clicks', { store: '${store}' })`
  await writeFile(
    path,
    `import { topicName } from '${source('core/record.ts')}'
import { tupleSerde } from '${source('core/tuple.ts')}'
import { defineTopology } from '${source('topology/define.ts')}'
const schema = { type: 'record', name: 'Click', fields: [{ name: 'user', type: 'string' }] }
const topic = (name: string) => ({
  name: topicName(name),
  keySerde: tupleSerde<readonly [string]>(),
  keyOf: (click: { user: string }) => [click.user] as const,
  schema,
  cleanupPolicy: 'delete' as const,
  retentionMs: null,
})
const copies = topic('copies')
export default defineTopology('clicks', (builder) => {
  const stream = builder.stream('clicks', topic('clicks'))
  ${count}
})
`,
  )
  return path
}
