/**
 * Runs records through the nodes of a task, depth first and one after the other, with their state loaded.
 *
 * A record that is forwarded to a processor first asks for the state that the processor needs. Where all of it
 * is in memory the processor runs at once. Where something has to be read the record is deferred: it waits for
 * the next round, and one read serves all that wait (law 6). So a batch takes about as many rounds as stateful
 * nodes follow one another, not as it has records.
 *
 * Invariants:
 *  1. Every node sees its records in the order in which strict depth-first processing, record by record, would
 *     bring them. While a record waits at a node, whatever reaches a node that must not overtake it (its
 *     `blocks`: what is downstream, shares a store or writes the same topic) waits too, in order.
 *  2. The first record of a round never waits again at its node, so every round gets something done.
 *  3. While a processor's promise is under way no other processor runs; what is forwarded meanwhile waits for
 *     the next round, the promise's own records in the place where strict processing has them (its `Pending`).
 *  4. What `flush` and punctuations forward waits until the callback has returned.
 *  5. A node that may refuse records (its error policy is not `fail`) hands on what it forwards for a record once its
 *     `process` has returned or its promise is kept. Where it throws, that and what it has written is taken back, and
 *     nothing of the record is seen at or below the node.
 */
import { assert, present } from '../core/assert.ts'
import type { Prefetch, Processor, StreamRecord } from '../processors/processor.ts'
import type { AnyStore } from '../state/stores.ts'
import type { PrefetchRequest, TaskStores } from '../state/task-stores.ts'
import type { Undo } from '../state/undo-log.ts'
import type { InputRecord, Origin } from './input-record.ts'
import type { TaskGraph, TaskNode } from './task-graph.ts'
import { isRefusable, processingError } from './processing-error.ts'

/** A record on its way to a node. */
interface Arrival {
  readonly node: TaskNode
  readonly parent: string
  readonly record: StreamRecord
  readonly origin: Origin | null
}

/** Stands in the queue for what a processor forwards until its promise has settled. */
interface Pending {
  readonly node: TaskNode
  readonly arrivals: Arrival[]
}

/** A record that waits until the node that has forwarded it can no longer refuse the one it comes from. */
interface Held {
  readonly record: StreamRecord
  readonly to: string | undefined
}

/** A promise whose node may refuse the record, with what it has written so far. */
interface Attempt {
  readonly record: StreamRecord
  readonly writes: Undo[]
}

export interface SinkOutput {
  /** Takes a record that has reached a sink. */
  send(sink: TaskNode, record: StreamRecord, origin: Origin | null): void
}

/** @param origin null where the record was made from others that came before */
export type Refuse = (
  node: TaskNode,
  record: StreamRecord,
  origin: Origin | null,
  thrown: unknown,
) => void

export interface ExecutionOptions {
  readonly taskId: string
  readonly graph: TaskGraph
  readonly stores: TaskStores
  /** By node index; undefined where the node is no processor. */
  readonly processors: readonly (Processor | undefined)[]
  readonly output: SinkOutput
  /** Takes a record that its node's error policy keeps from going on. */
  readonly refuse: Refuse
}

export class Execution {
  readonly #options: ExecutionOptions
  readonly #stores: TaskStores
  readonly #processors: readonly (Processor | undefined)[]
  /** By node index: the key-value stores whose own key is loaded, because the processor has no `prefetch`. */
  readonly #ownKeyStores: readonly (readonly string[])[]
  readonly #prefetch: RequestingPrefetch
  readonly #blocked: Uint8Array
  #waiting: Arrival[] = []
  /** What came up while promises are under way, in order; null while none is. */
  #unsettled: (Arrival | Pending)[] | null = null
  #inFlight: Promise<unknown> | null = null
  /** Of the promise under way, where it is the only one. */
  #attempt: Attempt | null = null
  /** What a node that may refuse the record in hand has forwarded for it. */
  #held: Held[] | null = null
  /** True inside `flush` and punctuations. */
  #holding = false
  #origin: Origin | null = null
  /** The node whose processor runs, for messages. */
  #current: TaskNode | null = null

  constructor(options: ExecutionOptions) {
    this.#options = options
    this.#stores = options.stores
    this.#processors = options.processors
    this.#prefetch = new RequestingPrefetch(options.stores)
    this.#blocked = new Uint8Array(options.graph.nodes.length)
    this.#ownKeyStores = options.graph.nodes.map(({ graphNode }, index) => {
      if (graphNode.kind !== 'processor' || options.processors[index]?.prefetch) return []
      return graphNode.stores.filter((name) => isKeyed(options.stores.get(name)))
    })
  }

  /** Where the record in hand came from; null in a flush or punctuation. */
  get origin(): Origin | null {
    return this.#origin
  }

  /** Processes the records in order, until nothing waits any more. */
  async run(inputs: readonly InputRecord[]): Promise<void> {
    for (const input of inputs) {
      this.#enter(input)

      if (this.#inFlight !== null) await this.#settle()
    }
    await this.#drain()
  }

  /** Runs a processor's `flush` or a punctuation, then what it has forwarded. */
  async runHeld(node: TaskNode, callback: () => void | Promise<void>): Promise<void> {
    assert(this.#waiting.length === 0, 'nothing waits when a callback begins')
    this.#turnTo(null)
    this.#current = node
    this.#holding = true
    try {
      await callback()
    } catch (thrown) {
      throw this.#failed(node, thrown)
    } finally {
      this.#holding = false
    }
    await this.#drain()
  }

  /** Called by a processor's context. */
  forward(from: TaskNode, record: StreamRecord, to: string | undefined): void {
    if (this.#held !== null) {
      this.#held.push({ record, to })
      return
    }
    const { children } = from
    if (to === undefined) {
      for (const child of children) this.#arrive(child, from.name, record)
      return
    }
    const child = children.find(({ name }) => name === to)
    if (child === undefined) {
      const known = children.map(({ name }) => name).join(', ')
      throw new RangeError(`node ${from.name} forwards to ${to}, which is none of: ${known}`)
    }
    this.#arrive(child, from.name, record)
  }

  #enter({ sources, record, origin }: InputRecord): void {
    this.#turnTo(origin)
    try {
      for (const source of sources) {
        for (const child of source.children) this.#arrive(child, source.name, record)
      }
    } catch (thrown) {
      throw this.#failed(this.#current, thrown)
    }
  }

  #arrive(node: TaskNode, parent: string, record: StreamRecord): void {
    const mustWait = this.#holding || this.#inFlight !== null || this.#blocked[node.index] === 1
    // Asked for in any case: the next round's read then brings it too.
    const isLoaded = this.#requested(node, parent, record)
    if (isLoaded === null) return
    if (mustWait || !isLoaded) this.#defer({ node, parent, record, origin: this.#origin })
    else this.#visit(node, parent, record)
  }

  #defer(arrival: Arrival): void {
    const pending = this.#unsettled?.find(
      (each): each is Pending => 'arrivals' in each && each.node.name === arrival.parent,
    )
    if (pending !== undefined) pending.arrivals.push(arrival)
    else (this.#unsettled ?? this.#waiting).push(arrival)
    const { blocks } = arrival.node
    for (let index = 0; index < blocks.length; index += 1) {
      if (blocks[index] === 1) this.#blocked[index] = 1
    }
  }

  /** As `#request`; null where the processor has thrown, and the record goes no further. */
  #requested(node: TaskNode, parent: string, record: StreamRecord): boolean | null {
    if (node.onError === 'fail') return this.#request(node, parent, record)
    const caller = this.#current
    try {
      return this.#request(node, parent, record)
    } catch (thrown) {
      this.#current = caller
      this.refuse(node, record, thrown, 'input')
      return null
    }
  }

  /** True where all state that the record needs at the node is in memory. */
  #request(node: TaskNode, parent: string, record: StreamRecord): boolean {
    const processor = this.#processors[node.index]
    if (processor === undefined) return true
    if (processor.prefetch !== undefined) {
      this.#prefetch.isLoaded = true
      const caller = this.#current
      this.#current = node
      processor.prefetch(record, parent, this.#prefetch)
      this.#current = caller
      return this.#prefetch.isLoaded
    }
    const stores = this.#ownKeyStores[node.index]
    if (stores === undefined || stores.length === 0) return true
    if (record.key === null || record.key === undefined) return true
    let isLoaded = true
    for (const store of stores) {
      if (!this.#stores.request({ store, key: record.key })) isLoaded = false
    }
    return isLoaded
  }

  #visit(node: TaskNode, parent: string, record: StreamRecord): void {
    const processor = this.#processors[node.index]
    const caller = this.#current
    this.#current = node
    if (node.onError !== 'fail') {
      this.#try(node, parent, record)
    } else if (processor === undefined) {
      this.#options.output.send(node, record, this.#origin)
    } else {
      const outcome = processor.process(record, parent)
      if (outcome !== undefined) this.#follow(node, outcome, null)
    }
    // Left as it is by a throw: then it names the node that failed.
    this.#current = caller
  }

  /** Invariant 5. */
  #try(node: TaskNode, parent: string, record: StreamRecord): void {
    const processor = this.#processors[node.index]
    const { undo } = this.#stores
    const held: Held[] = []
    this.#held = held
    undo.open()
    let outcome: void | Promise<void> = undefined
    try {
      if (processor === undefined) this.#options.output.send(node, record, this.#origin)
      else outcome = processor.process(record, parent)
    } catch (thrown) {
      undo.takeBack()
      this.refuse(node, record, thrown, 'input')
      return
    } finally {
      this.#held = null
    }
    const writes = undo.close()
    if (outcome !== undefined) this.#follow(node, outcome, { record, writes })
    for (const each of held) this.forward(node, each.record, each.to)
  }

  /** Called by a processor's context too. @throws TidemarkError PROCESSING_FAILED where no policy covers it */
  refuse(node: TaskNode, record: StreamRecord, thrown: unknown, of: 'input' | 'earlier'): void {
    if (!isRefusable(thrown)) throw this.#failed(node, thrown)
    const origin = of === 'input' ? this.#origin : null
    this.#options.refuse(node, record, origin, thrown)
  }

  #follow(node: TaskNode, outcome: Promise<void>, attempt: Attempt | null): void {
    const pending: Pending = { node, arrivals: [] }
    // Where two are under way, what the other one has written must not be taken back.
    this.#attempt = this.#inFlight === null ? attempt : null
    const followed = Promise.resolve(outcome).catch((thrown: unknown) => {
      if (attempt === null || attempt !== this.#attempt) throw this.#failed(node, thrown)
      this.#stores.undo.takeBack()
      pending.arrivals.length = 0
      this.refuse(node, attempt.record, thrown, 'input')
    })
    this.#unsettled ??= []
    this.#unsettled.push(pending)
    this.#inFlight = this.#inFlight === null ? followed : Promise.all([this.#inFlight, followed])
  }

  async #settle(): Promise<void> {
    if (this.#attempt !== null) this.#stores.undo.open(this.#attempt.writes)
    try {
      for (let promise = this.#inFlight; promise !== null; promise = this.#inFlight) {
        await promise
        if (this.#inFlight === promise) break
      }
    } finally {
      this.#stores.undo.close()
      this.#attempt = null
      this.#inFlight = null
      for (const each of this.#unsettled ?? []) {
        if ('arrivals' in each) this.#waiting.push(...each.arrivals)
        else this.#waiting.push(each)
      }
      this.#unsettled = null
    }
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const arrivals = this.#waiting
      this.#waiting = []
      await this.#stores.load()
      await this.#runRound(arrivals)
    }
    this.#blocked.fill(0)
    this.#current = null
  }

  async #runRound(arrivals: readonly Arrival[]): Promise<void> {
    this.#blocked.fill(0)
    for (const arrival of arrivals) {
      this.#turnTo(arrival.origin)
      if (this.#blocked[arrival.node.index] === 1) {
        this.#defer(arrival)
        continue
      }
      try {
        this.#visit(arrival.node, arrival.parent, arrival.record)
      } catch (thrown) {
        throw this.#failed(this.#current, thrown)
      }

      if (this.#inFlight !== null) await this.#settle()
    }
  }

  /** Stores see the stream time of the record in hand, so that what is expired does not depend on how the
   * records were batched. */
  #turnTo(origin: Origin | null): void {
    this.#origin = origin
    this.#stores.turnTo(origin?.streamTimeMs ?? null)
  }

  #failed(node: TaskNode | null, cause: unknown): Error {
    return processingError(
      this.#options.taskId,
      present(node, 'the node that failed').name,
      this.#origin,
      cause,
    )
  }
}

/** Read by the key alone. */
function isKeyed({ kind }: AnyStore): boolean {
  return kind === 'key-value' || kind === 'versioned'
}

/** Hands a processor's requests to the stores and remembers whether all of it was there. */
class RequestingPrefetch implements Prefetch {
  isLoaded = true
  readonly #stores: TaskStores

  constructor(stores: TaskStores) {
    this.#stores = stores
  }

  key(store: string, key: unknown): void {
    this.#request({ store, key })
  }

  windows(store: string, key: unknown, fromMs: number, toMs: number): void {
    this.#request({ store, key, fromMs, toMs })
  }

  sessions(store: string, key: unknown, earliestEndMs: number, latestStartMs: number): void {
    this.#request({ store, key, earliestEndMs, latestStartMs })
  }

  #request(request: PrefetchRequest): void {
    if (!this.#stores.request(request)) this.isLoaded = false
  }
}
