/**
 * `GET /api/topics/TOPIC/records`: committed records of a topic as JSON, a page at a time. The caller keeps the positions
 * (`positions=0:12,1:5`, as the last page told them); `from=beginning` or `end`, `key`, `wait_ms`.
 */
import { Hono } from 'hono'
import { messageOf, TidemarkError } from '../../core/errors.ts'
import {
  readRecords,
  type RecordsRequest,
  type RecordsSource,
} from '../../jobs/tail/read-records.ts'

const waitMaxMs = 30_000
const known = ['from', 'positions', 'key', 'wait_ms']

export function recordsApp(source: RecordsSource): Hono {
  const app = new Hono()
  app.get('/api/topics/:topic/records', async (context) => {
    const request = requestOf(context.req.param('topic'), context.req.query())
    return context.json(await readRecords(source, { ...request, signal: context.req.raw.signal }))
  })
  app.onError((thrown, context) => {
    const code = thrown instanceof TidemarkError ? { code: thrown.code } : {}
    const status = statusOf(thrown)
    if (status === 503) context.header('retry-after', '1')
    return context.json({ error: messageOf(thrown), ...code }, status)
  })
  return app
}

/** The address of a page, for who asks for it. */
export function recordsPath({ topic, from, positions, key, waitMs }: RecordsRequest): string {
  const query = new URLSearchParams({ from, wait_ms: String(waitMs) })
  const entries = Object.entries(positions).map(([partition, at]) => `${partition}:${at}`)
  if (entries.length > 0) query.set('positions', entries.join(','))
  if (key !== null) query.set('key', key)
  return `/api/topics/${encodeURIComponent(topic)}/records?${query.toString()}`
}

function requestOf(topic: string, query: Readonly<Record<string, string>>): RecordsRequest {
  const unknown = Object.keys(query).find((name) => !known.includes(name))
  if (unknown !== undefined) throw invalid(`${unknown} is not known; known are ${known.join(', ')}`)
  const { from = 'end', positions = '', key = null, wait_ms: wait = '0' } = query
  if (from !== 'beginning' && from !== 'end') throw invalid('from must be beginning or end')
  if (!/^\d{1,9}$/.test(wait)) throw invalid('wait_ms must be a whole number')
  return {
    topic,
    from,
    positions: positionsOf(positions),
    key,
    waitMs: Math.min(Number(wait), waitMaxMs),
  }
}

function positionsOf(text: string): Readonly<Record<string, number>> {
  if (text === '') return {}
  if (!/^\d{1,6}:\d{1,15}(,\d{1,6}:\d{1,15})*$/.test(text)) {
    throw invalid('positions must be PARTITION:OFFSET with commas between')
  }
  return Object.fromEntries(
    text.split(',').map((entry) => {
      const [partition = '', at = ''] = entry.split(':')
      return [partition, Number(at)]
    }),
  )
}

function invalid(message: string): TidemarkError {
  return new TidemarkError('REQUEST_INVALID', message)
}

function statusOf(thrown: unknown): 400 | 404 | 500 | 503 {
  if (!(thrown instanceof TidemarkError)) return 500
  if (thrown.code === 'TOPIC_UNKNOWN') return 404
  return thrown.reaction === 'retry' ? 503 : 400
}
