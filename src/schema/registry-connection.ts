/** Requests to a registry that may stand at several addresses: the one that answered last is asked first. */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { rootCertificates } from 'node:tls'
import { pause, type Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'

export type RegistryAuthentication =
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }

export interface RegistryConnectionOptions {
  /** `http://localhost:8081`; a path is kept, credentials in it are used where no others are given. */
  readonly urls: readonly string[]
  readonly authentication?: RegistryAuthentication
  /** PEM; in addition to what the machine trusts. */
  readonly tlsCa?: string
  /** For one request to one address. */
  readonly timeoutMs?: number
  /** All addresses are asked again, so often, while none answers. Absent: once. */
  readonly retry?: RegistryRetry
}

export interface RegistryRetry {
  readonly clock: Clock
  readonly roundsMax: number
  /** Before the second round; doubled for each one after it. */
  readonly firstMs: number
}

export interface RegistryAnswer {
  readonly url: string
  readonly status: number
  readonly text: string
}

interface Endpoint {
  /** Without credentials and the last slash. */
  readonly base: string
  readonly headers: Readonly<Record<string, string>>
}

const timeoutDefaultMs = 10_000
const answerBytesMax = 64 * 1024 * 1024
const mediaType = 'application/vnd.schemaregistry.v1+json'

export class RegistryConnection {
  readonly #endpoints: readonly Endpoint[]
  readonly #timeoutMs: number
  readonly #retry: RegistryRetry | undefined
  readonly #plain = new HttpAgent({ keepAlive: true })
  readonly #secure: HttpsAgent
  #preferred = 0

  /** @throws TidemarkError CONFIGURATION_INVALID where a URL is none */
  constructor(options: RegistryConnectionOptions) {
    const { urls, authentication, tlsCa } = options
    this.#endpoints = urls.map((url) => endpointOf(url, authentication))
    this.#timeoutMs = options.timeoutMs ?? timeoutDefaultMs
    this.#retry = options.retry
    this.#secure = new HttpsAgent({
      keepAlive: true,
      ...(tlsCa === undefined ? {} : { ca: [...rootCertificates, tlsCa] }),
    })
  }

  /** The first answer that is none of a server in trouble. @throws TidemarkError REGISTRY_UNREACHABLE */
  async request(method: string, path: string, body?: object): Promise<RegistryAnswer> {
    // What was deleted already would be answered as unknown.
    const roundsMax = method === 'DELETE' ? 1 : (this.#retry?.roundsMax ?? 1)
    for (let round = 1; ; round += 1) {
      const outcome = await this.#round(method, path, body)
      if (!(outcome instanceof TidemarkError)) return outcome
      if (round >= roundsMax || this.#retry === undefined) throw outcome
      await pause(this.#retry.clock, this.#retry.firstMs * 2 ** (round - 1))
    }
  }

  async #round(
    method: string,
    path: string,
    body: object | undefined,
  ): Promise<RegistryAnswer | TidemarkError> {
    const reasons: string[] = []
    let cause: unknown
    const first = this.#preferred
    for (let step = 0; step < this.#endpoints.length; step += 1) {
      const index = (first + step) % this.#endpoints.length
      const endpoint = this.#endpoints[index]
      if (endpoint === undefined) continue
      try {
        const answer = await this.#ask(endpoint, method, path, body)
        if (!isInTrouble(answer.status)) {
          this.#preferred = index
          return answer
        }
        reasons.push(`${method} ${answer.url} answered ${answer.status}: ${messageIn(answer.text)}`)
      } catch (thrown) {
        cause = thrown
        reasons.push(`${endpoint.base}${path}: ${reasonOf(thrown)}`)
      }
    }
    return new TidemarkError('REGISTRY_UNREACHABLE', `schema registry at ${reasons.join('; ')}`, {
      details: { url: this.#endpoints.map(({ base }) => base).join(',') },
      cause,
    })
  }

  #ask(
    { base, headers }: Endpoint,
    method: string,
    path: string,
    body: object | undefined,
  ): Promise<RegistryAnswer> {
    const url = base + path
    const isSecure = url.startsWith('https:')
    const send = isSecure ? httpsRequest : httpRequest
    const signal = AbortSignal.timeout(this.#timeoutMs)
    const agent = isSecure ? this.#secure : this.#plain
    return new Promise((resolve, reject) => {
      const request = send(url, { method, headers, agent, signal }, (response) => {
        const chunks: Buffer[] = []
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > answerBytesMax) request.destroy(new Error('the answer is too long'))
          else chunks.push(chunk)
        })
        response.on('end', () => {
          resolve({ url, status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() })
        })
        response.on('error', reject)
      })
      request.on('error', reject)
      request.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  close(): void {
    this.#plain.destroy()
    this.#secure.destroy()
  }
}

function endpointOf(text: string, given: RegistryAuthentication | undefined): Endpoint {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new TidemarkError(
      'CONFIGURATION_INVALID',
      `schema registry URL ${JSON.stringify(text)}: use http://host:port`,
    )
  }
  const { username, password } = url
  url.username = ''
  url.password = ''
  const own = {
    kind: 'basic' as const,
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  }
  const authentication = given ?? (username === '' ? undefined : own)
  return {
    base: url.href.replace(/\/$/, ''),
    headers: {
      accept: `${mediaType}, application/json`,
      'content-type': mediaType,
      ...(authentication === undefined ? {} : { authorization: authorization(authentication) }),
    },
  }
}

function authorization(authentication: RegistryAuthentication): string {
  if (authentication.kind === 'bearer') return `Bearer ${authentication.token}`
  const { user, password } = authentication
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function isInTrouble(status: number): boolean {
  return status >= 500 || status === 429 || status === 408
}

function messageIn(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    return typeof message === 'string' ? message : 'no reason given'
  } catch {
    return 'no reason given'
  }
}

/** Where a host has several addresses Node throws one error of many, whose message is empty. */
function reasonOf(thrown: unknown): string {
  const { code, message, name } = thrown as { code?: unknown; message?: string; name?: string }
  if (name === 'TimeoutError' || name === 'AbortError') return 'no answer in time'
  if (typeof code === 'string') return code
  return message ?? String(thrown)
}
