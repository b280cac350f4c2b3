/**
 * What an answer that fails says by its status and headers. ClickHouse writes its number into the text; a balancer or a
 * gateway before it writes a page, or nothing. The driver throws the text alone, so the agent of its requests puts the
 * rest in front: `HTTP 429 Too Many Requests, again in 7 s: <text>`.
 */
import { Agent as HttpAgent, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'

interface HttpAnswer {
  readonly status: number
  /** What its `Retry-After` asks for; null without one. */
  readonly retryAfterMs: number | null
}

/** As the driver limits them where it makes the agent. */
const openConnectionsMax = 10

/** Nobody is waited for longer without being asked again. */
const retryAfterMaxMs = 60_000

/** Node calls it with each request, and has no type for it. */
interface RequestTaker {
  addRequest(request: ClientRequest, ...rest: unknown[]): void
}

/** Of one driver, which destroys it when it is closed. */
export function agentOf(url: string): HttpAgent | HttpsAgent {
  const options = { keepAlive: true, maxSockets: openConnectionsMax }
  const isSecure = new URL(url).protocol === 'https:'
  const agent = isSecure ? new HttpsAgent(options) : new HttpAgent(options)
  const taker = agent as unknown as RequestTaker
  const addRequest = taker.addRequest.bind(agent)
  taker.addRequest = (request, ...rest) => {
    request.prependOnceListener('response', introduce)
    addRequest(request, ...rest)
  }
  return agent
}

/** Of a whole answer: a part of one that is compressed cannot be put before it. */
function introduce(response: IncomingMessage): void {
  const { statusCode = 0, statusMessage = '', headers } = response
  if (statusCode < 400 || headers['content-encoding'] !== undefined) return
  if (headers['x-clickhouse-exception-code'] !== undefined) return
  const seconds = headers['retry-after'] ?? ''
  const words = statusMessage === '' ? '' : ` ${statusMessage.replaceAll(':', '')}`
  // It may be a date, by a clock that is not ours.
  const again = /^\d{1,9}$/.test(seconds) ? `, again in ${seconds} s` : ''
  response.unshift(Buffer.from(`HTTP ${statusCode}${words}${again}: `))
}

/** Nothing may come behind it. */
const introduction = /^HTTP (\d{3})(?: [^:]*?)?(?:, again in (\d+) s)?(?::|$)/

/** Null where the text is ClickHouse's own, or no answer's. */
export function httpAnswerIn(text: string): HttpAnswer | null {
  const [, status, seconds] = introduction.exec(text) ?? []
  if (status === undefined) return null
  const retryAfterMs = seconds === undefined ? null : Number(seconds) * 1_000
  return {
    status: Number(status),
    retryAfterMs: retryAfterMs === null ? null : Math.min(retryAfterMs, retryAfterMaxMs),
  }
}

const pageCharactersMax = 300

/** A page in a line. */
export function withoutMarkup(text: string): string {
  if (httpAnswerIn(text) === null) return text
  const words = text
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return words.slice(0, pageCharactersMax).replace(/:$/, '')
}

/** Too early, too slow, too much, or a server that is not well: the same request can be right later. */
export function statusPasses(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || (status >= 500 && !isFinal(status))
}

/** Not implemented, another version of HTTP, a network that wants a login: no waiting mends a wrong address. */
function isFinal(status: number): boolean {
  return status === 501 || status === 505 || status === 511
}
