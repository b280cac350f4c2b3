/**
 * Requests and responses over a MessagePort. Bodies are plain data; large bytes go as transferred buffers.
 *
 *  1. At most `requestsInFlightMax` requests of one side are under way; the others wait their turn, in order.
 *  2. An error crosses with its code, message and details.
 *  3. After the port is closed, or `fail`, every request rejects; none is left waiting.
 */
import type { MessagePort, Transferable } from 'node:worker_threads'
import { errorTable, messageOf, TidemarkError } from '../../core/errors.ts'
import type { ErrorCode, ErrorDetails } from '../../core/errors.ts'

export interface Packed {
  readonly body: unknown
  readonly transfer?: readonly Transferable[]
}

export type RequestHandler = (body: never, signal: AbortSignal) => Promise<Packed>

interface ErrorBody {
  readonly code: string | null
  readonly message: string
  readonly details: ErrorDetails
  readonly stack: string
}

type Message =
  | {
      readonly kind: 'request'
      readonly id: number
      readonly method: string
      readonly body: unknown
    }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'response'; readonly id: number; readonly body: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: ErrorBody }

interface Waiting {
  readonly resolve: (body: never) => void
  readonly reject: (error: Error) => void
}

interface Queued extends Waiting {
  readonly method: string
  readonly packed: Packed
  readonly signal: AbortSignal | undefined
}

export const requestsInFlightMax = 256

export class Rpc {
  readonly #port: MessagePort
  readonly #handlers: Readonly<Record<string, RequestHandler>>
  readonly #waiting = new Map<number, Waiting>()
  readonly #queued: Queued[] = []
  readonly #serving = new Map<number, AbortController>()
  #lastId = 0
  #failure: Error | null = null

  constructor(port: MessagePort, handlers: Readonly<Record<string, RequestHandler>>) {
    this.#port = port
    this.#handlers = handlers
    port.on('message', (message: Message) => {
      this.#receive(message)
    })
    port.on('close', () => {
      this.fail(new TidemarkError('INSTANCE_NOT_RUNNING', 'the thread at the other end has ended'))
    })
  }

  /** @throws TidemarkError what the other side has thrown, or why there is no answer */
  request<T>(method: string, packed: Packed, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#failure !== null) {
        reject(this.#failure)
        return
      }
      const queued: Queued = {
        method,
        packed,
        signal,
        resolve,
        reject,
      }
      if (this.#waiting.size < requestsInFlightMax) this.#send(queued)
      else this.#queued.push(queued)
    })
  }

  close(): void {
    this.#port.close()
  }

  fail(failure: Error): void {
    this.#failure ??= failure
    for (const { reject } of this.#waiting.values()) reject(this.#failure)
    for (const { reject } of this.#queued.splice(0)) reject(this.#failure)
    for (const controller of this.#serving.values()) controller.abort()
    this.#waiting.clear()
  }

  #send({ method, packed, signal, resolve, reject }: Queued): void {
    this.#lastId += 1
    const id = this.#lastId
    const cancel = () => {
      this.#post({ kind: 'cancel', id })
    }
    const settle = () => {
      signal?.removeEventListener('abort', cancel)
      const next = this.#queued.shift()
      if (next !== undefined) this.#send(next)
    }
    this.#waiting.set(id, {
      resolve: (body) => {
        settle()
        resolve(body)
      },
      reject: (error) => {
        settle()
        reject(error)
      },
    })
    signal?.addEventListener('abort', cancel, { once: true })
    this.#post({ kind: 'request', id, method, body: packed.body }, packed.transfer)
    if (signal?.aborted === true) cancel()
  }

  #receive(message: Message): void {
    switch (message.kind) {
      case 'request':
        void this.#serve(message.id, message.method, message.body)
        return
      case 'cancel':
        this.#serving.get(message.id)?.abort()
        return
      case 'response':
        this.#take(message.id)?.resolve(message.body as never)
        return
      case 'failure':
        this.#take(message.id)?.reject(fromBody(message.error))
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  async #serve(id: number, method: string, body: unknown): Promise<void> {
    const controller = new AbortController()
    this.#serving.set(id, controller)
    try {
      const handler = this.#handlers[method]
      if (handler === undefined) throw new RangeError(`no such request: ${method}`)
      const packed = await handler(body as never, controller.signal)
      this.#post({ kind: 'response', id, body: packed.body }, packed.transfer)
    } catch (thrown) {
      this.#post({ kind: 'failure', id, error: toBody(thrown) })
    } finally {
      this.#serving.delete(id)
    }
  }

  #post(message: Message, transfer: readonly Transferable[] = []): void {
    this.#port.postMessage(message, transfer)
  }
}

export function toBody(thrown: unknown): ErrorBody {
  const isOurs = thrown instanceof TidemarkError
  return {
    code: isOurs ? thrown.code : null,
    message: messageOf(thrown),
    details: isOurs ? thrown.details : {},
    stack: thrown instanceof Error ? (thrown.stack ?? '') : '',
  }
}

/** With the stack of where it was thrown as its cause. */
export function fromBody({ code, message, details, stack }: ErrorBody): Error {
  const cause = new Error(message)
  cause.stack = stack
  if (code !== null && code in errorTable) {
    return new TidemarkError(code as ErrorCode, message, { details, cause })
  }
  return new Error(message, { cause })
}
