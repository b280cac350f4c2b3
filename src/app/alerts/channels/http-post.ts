/** One POST of JSON: no redirect is followed, and of the answer no more is read than a person would. */
import { messageOf } from '../../../core/errors.ts'
import type { Secret } from '../../secret.ts'
import type { Delivery } from './channel.ts'
import { withoutSecrets } from './without-secrets.ts'

export interface PostRequest {
  readonly url: Secret
  readonly token: Secret | null
  readonly body: object
  readonly signal: AbortSignal
}

const answerBytesMax = 2_048

export async function postJson({ url, token, body, signal }: PostRequest): Promise<Delivery> {
  const secrets = [url, token]
  try {
    const response = await fetch(url.reveal(), {
      method: 'POST',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        ...(token === null ? {} : { authorization: `Bearer ${token.reveal()}` }),
      },
      body: JSON.stringify(body),
      // A message, and the token with it, goes where it was sent and nowhere else.
      redirect: 'manual',
      signal,
    })
    const text = await startOf(response)
    const answer = withoutSecrets(`${response.status} ${text}`, secrets)
    if (response.ok) return { isDelivered: true, answer }
    return { isDelivered: false, answer, ...retryOf(response) }
  } catch (thrown) {
    const answer = withoutSecrets(causeOf(thrown), secrets)
    return { isDelivered: false, answer, isFinal: false, retryAfterMs: null }
  }
}

/** `fetch failed` says nothing; its cause does. */
function causeOf(thrown: unknown): string {
  const { cause } = thrown instanceof Error ? thrown : {}
  if (!(cause instanceof Error)) return messageOf(thrown)
  // Of several addresses that were tried the message is empty.
  return cause.message === ''
    ? ((cause as NodeJS.ErrnoException).code ?? cause.name)
    : cause.message
}

async function startOf({ body }: Response): Promise<string> {
  if (body === null) return ''
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes >= answerBytesMax) break
  }
  return Buffer.concat(chunks).subarray(0, answerBytesMax).toString()
}

/** RFC 9110: a client's fault stays one, but for what passes with time. */
function retryOf({ status, headers }: Response): { isFinal: boolean; retryAfterMs: number | null } {
  const isFinal = status < 500 && status !== 408 && status !== 425 && status !== 429
  const seconds = headers.get('retry-after') ?? ''
  return { isFinal, retryAfterMs: /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1_000 : null }
}
