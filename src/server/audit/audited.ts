/** A door whose requests that may change something are recorded. */
import type { IncomingMessage } from 'node:http'
import { Hono } from 'hono'
import type { Context } from 'hono'
import { principalOf } from '../access/access.ts'
import type { AuditEntry, AuditLog } from './audit-log.ts'

export interface AuditedOptions {
  readonly audit: AuditLog
  readonly door: AuditEntry['door']
  /** Which requests, of those that are no GET, HEAD or OPTIONS. */
  readonly isRecorded: (method: string, path: string) => boolean
  /** True: JSON that came with a request is recorded, too. */
  readonly withBody: boolean
}

const readOnly: readonly string[] = ['GET', 'HEAD', 'OPTIONS']
/** Larger bodies are not recorded. */
const bodyBytesMax = 64 * 1024

export function audited(app: Hono, { audit, door, isRecorded, withBody }: AuditedOptions): Hono {
  const outer = new Hono()
  outer.all('*', async (context) => {
    const { method, raw, path } = context.req
    if (readOnly.includes(method) || !isRecorded(method, path)) return app.fetch(raw, context.env)
    const address = addressOf(context)
    const body = withBody ? await bodyOf(raw, address !== null) : undefined
    const response = await app.fetch(raw, context.env)
    audit.record({
      door,
      user: principalOf(context)?.name ?? null,
      address,
      asked: `${method} ${path}`,
      ...(body === undefined ? {} : { request: body }),
      outcome: response.ok ? 'ok' : String(response.status),
    })
    return response
  })
  return outer
}

/** Null where the request did not come over the network. */
export function addressOf(context: Context): string | null {
  const bindings = context.env as { readonly incoming?: IncomingMessage } | undefined
  return bindings?.incoming?.socket.remoteAddress ?? null
}

/** Read from a copy: the door has the request as it came. Of strangers only what says beforehand how large it is. */
async function bodyOf(request: Request, isRemote: boolean): Promise<unknown> {
  const announced = request.headers.get('content-length')
  if (isRemote && (announced === null || !(Number(announced) <= bodyBytesMax))) return undefined
  const text = await request.clone().text()
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
