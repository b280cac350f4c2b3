/**
 * Interactive queries: what the stores of running topologies hold, over HTTP, asked of any instance. Mounted on the
 * console's port. `docs/interactive-queries.md` has the answers' forms.
 */
import { Hono } from 'hono'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { Partition } from '../../core/record.ts'
import type { FoundStore, StoreQuery } from '../../runtime/queries/local-queries.ts'
import { successor } from '../../state/key-layout.ts'
import { keyBytesOf } from '../../runtime/queries/query-key.ts'
import { mergeByKey, upToCuts } from './merge-entries.ts'
import { afterOf, pageToken } from './page-token.ts'
import { consistencyOf, limitOf, partitionOf, refuseUnknown, timeOf } from './query-parameters.ts'
import { QueryRouter } from './query-router.ts'
import type { QueryRouterOptions } from './query-router.ts'
import { answerBytesMax, readMessage } from './read-message.ts'
import type { AnsweredPartition } from './read-message.ts'
import { forwardedHeader } from './remote-host.ts'

export type QueriesOptions = Pick<QueryRouterOptions, 'local' | 'runtime' | 'clock'> &
  Partial<Pick<QueryRouterOptions, 'timeoutMs' | 'fetch' | 'headers'>> & {
    /** As `answerBytesMax`, the default. */
    readonly bytesMax?: number
  }

const messageBytesMax = 1024 * 1024
/** How long one instance waits for another. */
const forwardTimeoutMs = 2_000

export function queriesApp(options: QueriesOptions): Hono {
  const { local, runtime } = options
  const router = new QueryRouter({
    timeoutMs: forwardTimeoutMs,
    fetch: globalThis.fetch,
    headers: {},
    ...options,
  })
  const app = new Hono()
  const withStore = (answer: StoreAnswer) => forStore(local, answer)
  app.get('/topologies/:topology/stores', (context) => {
    const topology = context.req.param('topology')
    const stores = local.stores(topology)
    if (stores === null) return context.json(unknownTopology(topology, local.topologies), 404)
    return context.json({ topology, stores: stores.map((store) => described(store, local)) })
  })
  app.get('/topologies/:topology/hosts', (context) => {
    const topology = context.req.param('topology')
    const hosts = runtime.hostsOf(topology)
    if (hosts === null) return context.json(unknownTopology(topology, local.topologies), 404)
    const tasks = hosts.tasks.map(({ subTopology, partition, active, standbys }) => ({
      task: `${subTopology}_${partition}`,
      active,
      standbys,
    }))
    return context.json({ topology, self: hosts.self, rebalancing: hosts.isRebalancing, tasks })
  })
  app.get(
    '/topologies/:topology/stores/:store/keys/:key',
    withStore((store, context) => keyAnswer(router, options, store, context)),
  )
  app.get(
    '/topologies/:topology/stores/:store/range',
    withStore((store, context) => rangeAnswer(router, options, store, context)),
  )
  app.get(
    '/topologies/:topology/stores/:store/windows/:key',
    withStore((store, context) => timedAnswer('windows', router, options, store, context)),
  )
  app.get(
    '/topologies/:topology/stores/:store/sessions/:key',
    withStore((store, context) => timedAnswer('sessions', router, options, store, context)),
  )
  app.post(
    '/topologies/:topology/stores/:store/read',
    bodyLimit({ maxSize: messageBytesMax }),
    withStore(async (store, context) => {
      if (context.req.header(forwardedHeader) === undefined) {
        return context.json({ error: 'this is between instances; use keys, range or windows' }, 400)
      }
      const answer = await router.readHere(store, readMessage(await context.req.json()))
      if ('partitions' in answer) return context.json(answer)
      const { refusal: error, retryAfterMs } = answer
      return context.json({ error, retryAfterMs }, 503, { 'retry-after': '1' })
    }),
  )
  app.onError(answerError)
  return app
}

function answerError(thrown: unknown, context: Context): Response {
  const status = statusOf(thrown)
  if (status === 503) context.header('retry-after', '1')
  return context.json({ error: messageOf(thrown) }, status)
}

type StoreAnswer = (store: FoundStore, context: Context) => Promise<Response>

/** Finds the store that the path names, or says what there is. */
function forStore(
  local: QueriesOptions['local'],
  answer: StoreAnswer,
): (context: Context) => Response | Promise<Response> {
  return (context) => {
    const topology = context.req.param('topology') ?? ''
    const name = context.req.param('store') ?? ''
    const stores = local.stores(topology)
    if (stores === null) return context.json(unknownTopology(topology, local.topologies), 404)
    const store = stores.find(({ definition }) => definition.name === name)
    if (store !== undefined) return answer(store, context)
    const known = stores.map(({ definition }) => definition.name).join(', ')
    const error = `topology ${topology} has no store ${name}; it has: ${known}`
    return context.json({ error }, 404)
  }
}

async function keyAnswer(
  router: QueryRouter,
  options: QueriesOptions,
  store: FoundStore,
  context: Context,
): Promise<Response> {
  const query = context.req.query()
  refuseUnknown(query, 'from', 'to', 'page', 'limit')
  requireKind(store, 'key-value', 'keys')
  const text = context.req.param('key') ?? ''
  const key = keyBytesOf(store.definition.keySerde, text, store.definition.name)
  const at = partitionsFor(options, store, key, query)
  const answer = await router.read(store, at, { kind: 'key', key }, consistencyOf(query))
  if ('refusal' in answer) return unavailable(context, answer)
  const holder = answer.partitions.find(({ entries }) => entries.length > 0)
  const entry = holder?.entries[0]
  if (holder === undefined || entry === undefined) {
    const where = at.map(Number).join(', ')
    const hint =
      query['partition'] === undefined
        ? `; where a store's key is not the key of its input, add partition=any`
        : ''
    const error = `store ${store.definition.name} has no key ${text} in partition ${where}${hint}`
    return context.json({ error, sources: answer.partitions.map(sourceOf) }, 404)
  }
  const { keyBytes: _, ...shown } = entry
  return context.json({ ...shown, source: sourceOf(holder) })
}

async function rangeAnswer(
  router: QueryRouter,
  options: QueriesOptions,
  store: FoundStore,
  context: Context,
): Promise<Response> {
  const query = context.req.query()
  refuseUnknown(query)
  requireKind(store, 'key-value', 'range')
  const { keySerde, name } = store.definition
  const bound = (text: string | undefined) =>
    text === undefined ? null : keyBytesOf(keySerde, text, name)
  const page = query['page']
  const limit = limitOf(query)
  const at = partitionsFor(options, store, null, query)
  const asked: StoreQuery = {
    kind: 'range',
    bytesMax: bytesOfEach(options, at),
    from: page === undefined ? bound(query['from']) : successor(afterOf(page)),
    to: bound(query['to']),
    // One more than is shown tells whether there is a next page.
    entriesMax: limit + 1,
  }
  const answer = await router.read(store, at, asked, consistencyOf(query))
  if ('refusal' in answer) return unavailable(context, answer)
  const merged = mergeByKey(answer.partitions)
  const shown = merged.slice(0, limit)
  const last = shown.at(-1)
  const isMore = merged.length > limit || answer.partitions.some(({ isCut }) => isCut === true)
  return context.json({
    entries: shown.map(({ partition, entry: { keyBytes: _, ...entry } }) => ({
      ...entry,
      partition,
    })),
    next: isMore && last !== undefined ? pageToken(last.keyBytes) : null,
    sources: answer.partitions.map(sourceOf),
  })
}

async function timedAnswer(
  kind: 'windows' | 'sessions',
  router: QueryRouter,
  options: QueriesOptions,
  store: FoundStore,
  context: Context,
): Promise<Response> {
  const query = context.req.query()
  refuseUnknown(query, 'page')
  requireKind(store, kind === 'windows' ? 'window' : 'session', kind)
  const { keySerde, name } = store.definition
  const key = keyBytesOf(keySerde, context.req.param('key') ?? '', name)
  const limit = limitOf(query)
  const fromMs = timeOf(query, 'from', -8_640_000_000_000_000)
  const toMs = timeOf(query, 'to', 8_640_000_000_000_000)
  const at = partitionsFor(options, store, key, query)
  const bytesMax = bytesOfEach(options, at)
  const asked: StoreQuery = { kind, key, fromMs, toMs, entriesMax: limit + 1, bytesMax }
  const answer = await router.read(store, at, asked, consistencyOf(query))
  if ('refusal' in answer) return unavailable(context, answer)
  const { entries, isCut } = upToCuts(answer.partitions, kind)
  return context.json({
    entries: entries.slice(0, limit).map(({ keyBytes: _, ...entry }) => entry),
    // Windows are paged by their starts, sessions by their ends: the next page begins after the last one.
    isComplete: entries.length <= limit && !isCut,
    sources: answer.partitions.map(sourceOf),
  })
}

function bytesOfEach(
  { bytesMax = answerBytesMax }: QueriesOptions,
  partitions: readonly Partition[],
): number {
  return Math.max(Math.floor(bytesMax / Math.max(partitions.length, 1)), 1)
}

/** @param key null asks all partitions where the request names none */
function partitionsFor(
  { local }: QueriesOptions,
  store: FoundStore,
  key: Buffer | null,
  query: Readonly<Record<string, string>>,
): readonly Partition[] {
  const count = local.partitionCount(store)
  const asked = partitionOf(query, count)
  if (asked !== null && asked !== 'any') return [asked]
  if (asked === null && key !== null) return [local.partitionOf(store, key)]
  return Array.from({ length: count }, (_, index) => index as Partition)
}

function described(store: FoundStore, local: QueriesOptions['local']) {
  const { definition, subTopology } = store
  const { name, kind } = definition
  return {
    name,
    kind,
    subTopology: subTopology.index,
    partitions: local.partitionCount(store),
    ...('ttlMs' in definition && definition.ttlMs !== null ? { ttlMs: definition.ttlMs } : {}),
    ...('windowSizeMs' in definition ? { windowSizeMs: definition.windowSizeMs } : {}),
    ...('retentionMs' in definition ? { retentionMs: definition.retentionMs } : {}),
  }
}

function sourceOf({ entries: _, isCut: __, ...source }: AnsweredPartition) {
  return source
}

function unknownTopology(topology: string, known: readonly string[]) {
  return { error: `topology ${topology} is not running; running are ${known.join(', ')}` }
}

function requireKind(
  { definition }: FoundStore,
  kind: FoundStore['definition']['kind'],
  route: string,
): void {
  // The value of a key of a versioned store is all of its versions.
  const asked = definition.kind === 'versioned' ? 'key-value' : definition.kind
  if (asked === kind) return
  const ask = { 'key-value': 'keys or range', window: 'windows', session: 'sessions' }
  throw new TidemarkError(
    'REQUEST_INVALID',
    `${definition.name} is a ${definition.kind} store: ask for ${ask[asked]}, not for ${route}`,
    { details: { store: definition.name } },
  )
}

function unavailable(
  context: Context,
  { refusal, retryAfterMs }: { readonly refusal: string; readonly retryAfterMs: number },
): Response {
  const headers = { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }
  return context.json({ error: refusal }, 503, headers)
}

function statusOf(thrown: unknown): 400 | 500 | 503 {
  if (thrown instanceof SyntaxError) return 400
  if (!(thrown instanceof TidemarkError)) return 500
  return thrown.code === 'REQUEST_INVALID' ? 400 : thrown.reaction === 'retry' ? 503 : 500
}
