/** Port 8080: the landing page, the instance's API, health, readiness and metrics. */
import { readFileSync } from 'node:fs'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { Replay } from '../../jobs/replay.ts'
import type { InstanceStatus } from './instance-status.ts'
import { metricsText } from './metrics-text.ts'
import { readRedriveRequest, type RedriveRequest } from './redrive-request.ts'

export type { RedriveRequest }

export interface ConsoleServices {
  status(): InstanceStatus
  describe(topology: string): { text: string; mermaid: string } | null
  /** Resolves when everything ingested before the call is queryable, or false when the time is over. */
  whenIdle(timeoutMs: number): Promise<boolean>
  redrive(request: RedriveRequest): Promise<RedriveOutcome>
  /** The last one of each topology that was ever reset, as of now. */
  replays(): Promise<readonly Replay[]>
}

export interface RedriveOutcome {
  readonly redriven: readonly string[]
  readonly refused: readonly { readonly id: string; readonly reason: string }[]
}

const landingPage = readFileSync(new URL('../../console/landing.html', import.meta.url), 'utf8')
const waitMaxMs = 60_000
const apiBodyBytesMax = 1024 * 1024

const bodyBound = bodyLimit({
  maxSize: apiBodyBytesMax,
  onError: (context) =>
    context.json(
      { error: `the body is beyond ${apiBodyBytesMax} bytes; send less at a time` },
      413,
    ),
})

export function consoleApp(services: ConsoleServices): Hono {
  const app = new Hono()
  app.get('/', (context) =>
    context.html(landingPage, 200, {
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:",
    }),
  )
  app.get('/healthz', (context) => {
    const { state, trouble } = services.status()
    return context.json({ state, trouble }, state === 'failed' ? 503 : 200)
  })
  app.get('/readyz', (context) => {
    const { state, isReady, restoring, trouble } = services.status()
    const body = { state, trouble, restoring: restoring.length }
    return context.json(body, state === 'running' && isReady ? 200 : 503)
  })
  app.get('/metrics', (context) =>
    context.text(metricsText(services.status()), 200, {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    }),
  )
  app.get('/api/status', (context) => context.json(services.status()))
  app.get('/api/idle', async (context) => {
    const askedMs = Number(context.req.query('timeout_ms') ?? waitMaxMs)
    const timeoutMs = Number.isFinite(askedMs)
      ? Math.min(Math.max(askedMs, 0), waitMaxMs)
      : waitMaxMs
    return context.json({ idle: await services.whenIdle(timeoutMs) })
  })
  app.get('/api/topologies/:name', (context) => {
    const name = context.req.param('name')
    const description = services.describe(name)
    if (description !== null) return context.json({ name, ...description })
    const known = services.status().topologies.map((topology) => topology.name)
    return context.json(
      { error: `topology ${name} is not running; running are ${known.join(', ')}` },
      404,
    )
  })
  app.get('/api/replays', async (context) => context.json(await services.replays()))
  app.post('/api/quarantine/redrive', bodyBound, async (context) => {
    // A page of another site cannot send this type without asking first, and is then refused.
    if (!(context.req.header('content-type') ?? '').startsWith('application/json')) {
      return context.json({ error: 'send the request as application/json' }, 415)
    }
    return context.json(await services.redrive(readRedriveRequest(await context.req.json())))
  })
  app.notFound((context) => context.json({ error: `there is nothing at ${context.req.path}` }, 404))
  app.onError((thrown, context) => {
    const status = statusOfFailure(thrown)
    if (status === 503) context.header('retry-after', '1')
    return context.json({ error: messageOf(thrown) }, status)
  })
  return app
}

function statusOfFailure(thrown: unknown): 400 | 500 | 503 {
  if (thrown instanceof SyntaxError) return 400
  if (!(thrown instanceof TidemarkError)) return 500
  return thrown.reaction === 'retry' ? 503 : 400
}
