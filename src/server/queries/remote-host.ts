/** Asks another instance for its part of a store, over its console port. */
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { HostUrl } from '../../runtime/queries/hosts.ts'
import { messageText } from './read-message.ts'
import type { AnsweredPartition, ReadMessage } from './read-message.ts'

/** On a read that one instance sends to another; who gets it answers from what it holds and asks nobody else. */
export const forwardedHeader = 'x-tidemark-forwarded'

export interface RemoteHostOptions {
  readonly clock: Clock
  readonly timeoutMs: number
  readonly fetch: typeof globalThis.fetch
  /** By which an instance of this cluster is known. */
  readonly headers: Readonly<Record<string, string>>
}

/** Why a host gave no answer: it is away, or it holds no copy (any more), or none that is complete. */
export interface Refusal {
  readonly refusal: string
  /** Null where nobody knows when it may have one. */
  readonly retryAfterMs: number | null
}

export type RemoteAnswer = { readonly partitions: readonly AnsweredPartition[] } | Refusal

export async function askHost(
  host: HostUrl,
  path: string,
  message: ReadMessage,
  { clock, timeoutMs, fetch, headers }: RemoteHostOptions,
): Promise<RemoteAnswer> {
  const late = new AbortController()
  const cancel = clock.after(timeoutMs, () => {
    late.abort()
  })
  try {
    const response = await fetch(`${host}${path}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', [forwardedHeader]: '1' },
      body: messageText(message),
      signal: late.signal,
    })
    const body = (await response.json()) as {
      partitions?: readonly AnsweredPartition[]
      error?: string
      retryAfterMs?: number | null
    }
    if (response.ok && Array.isArray(body.partitions)) return { partitions: body.partitions }
    const refusal = `${host} answered ${response.status}: ${body.error ?? 'nothing'}`
    return { refusal, retryAfterMs: body.retryAfterMs ?? null }
  } catch (thrown) {
    const why = late.signal.aborted ? `no answer in ${timeoutMs} ms` : reasonOf(thrown)
    return { refusal: `${host}: ${why}`, retryAfterMs: null }
  } finally {
    cancel()
  }
}

/** `fetch` hides why it failed in the cause. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined
  return cause instanceof Error ? messageOf(cause) : messageOf(thrown)
}
