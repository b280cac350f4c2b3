/**
 * Watches the processes of the other instances. One that is gone without a word, and at whose address nothing listens any
 * more, has been killed while its host lives: nobody needs to wait for its session to be over. A host that is gone, or a
 * network that is cut, refuses nothing, and then the session decides, as it must.
 */
import { pause, type Clock } from '../../core/clock.ts'
import { farewell, type LifeSign } from '../../server/console/life-door.ts'

export interface PeerWatchOptions {
  /** Addresses of the other instances' consoles as the group tells them now. */
  readonly endpoints: () => ReadonlySet<string>
  readonly applicationId: string
  /** By which an instance of this cluster is known. */
  readonly headers: Readonly<Record<string, string>>
  readonly clock: Clock
  readonly onGone: (peer: LifeSign, endpoint: string) => Promise<void>
}

const lookIntervalMs = 500
/** After an answer that tells nothing of a process: another program, a proxy, one that is starting or leaving. */
const retryMs = 2_000
/** A process that ends closes its connections and its listeners within an instant, in any order. */
const refusals = { wanted: 2, attemptsMax: 20, betweenMs: 50 }
const answerMaxMs = 5_000
/** What a connection meets that still reached the listener of a process that is ending: neither life nor death. */
const resets: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

export class PeerWatch {
  readonly #options: PeerWatchOptions
  readonly #stopping = new AbortController()
  readonly #followed = new Map<string, Promise<void>>()
  readonly #running: Promise<void>
  readonly #living = new Set<string>()

  constructor(options: PeerWatchOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  /** Instance ids of those whose life is followed now. */
  get living(): ReadonlySet<string> {
    return this.#living
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await Promise.all(this.#followed.values())
  }

  async #run(): Promise<void> {
    const { endpoints, clock } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      for (const endpoint of endpoints()) {
        if (this.#followed.has(endpoint)) continue
        const following = this.#follow(endpoint).finally(() => this.#followed.delete(endpoint))
        this.#followed.set(endpoint, following)
      }
      await pause(clock, lookIntervalMs, signal)
    }
  }

  /** For as long as the group names it. */
  async #follow(endpoint: string): Promise<void> {
    const { endpoints, clock, onGone } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted && endpoints().has(endpoint)) {
      const cut = await this.#untilCut(endpoint)
      if (cut !== null && (await this.#isRefused(endpoint))) await onGone(cut, endpoint)
      await pause(clock, retryMs, signal)
    }
  }

  /** @returns who was cut off without a farewell; null where there is nobody to tell of */
  async #untilCut(endpoint: string): Promise<LifeSign | null> {
    const { signal } = this.#stopping
    let sign: LifeSign | null = null
    try {
      for await (const text of linesOf(await this.#ask(endpoint, signal))) {
        if (text === farewell) return null
        sign ??= lifeSign(text)
        if (sign?.applicationId !== this.#options.applicationId) return null
        this.#living.add(sign.instanceId)
      }
    } catch {
      // Cut, or nobody there.
    } finally {
      if (sign !== null) this.#living.delete(sign.instanceId)
    }
    return signal.aborted ? null : sign
  }

  async #isRefused(endpoint: string): Promise<boolean> {
    const { signal } = this.#stopping
    let refused = 0
    for (let attempt = 0; attempt < refusals.attemptsMax && !signal.aborted; attempt++) {
      try {
        const response = await this.#ask(endpoint, signal)
        await response.body?.cancel()
        return false
      } catch (thrown) {
        const code = causeOf(thrown)
        if (code === 'ECONNREFUSED') refused++
        else if (!resets.has(code)) return false
        if (refused >= refusals.wanted) return true
      }
      await pause(this.#options.clock, refusals.betweenMs, signal)
    }
    return false
  }

  /** The answer has a bound of time, what follows in it has none. */
  async #ask(endpoint: string, signal: AbortSignal): Promise<Response> {
    const { clock, headers } = this.#options
    const late = new AbortController()
    const cancel = clock.after(answerMaxMs, () => {
      late.abort()
    })
    try {
      const either = AbortSignal.any([signal, late.signal])
      return await fetch(`${endpoint}/api/life`, { headers, signal: either })
    } finally {
      cancel()
    }
  }
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel()
    return
  }
  let rest = ''
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

function lifeSign(text: string): LifeSign | null {
  try {
    const { applicationId, instanceId } = JSON.parse(text) as Partial<LifeSign>
    if (typeof applicationId !== 'string' || typeof instanceId !== 'string') return null
    return { applicationId, instanceId }
  } catch {
    return null
  }
}

function causeOf(thrown: unknown): unknown {
  return (thrown as { cause?: { code?: unknown } } | null)?.cause?.code
}
