/**
 * The life of one transactional id in this process.
 *
 *     suspect ──▶ initializing ──▶ ready ──▶ open ──▶ committing ──▶ ready
 *        ▲             │                      │            │
 *        ├─────────────┘                      ├──▶ aborting ──▶ ready, or suspect
 *        └────────────────────────────────────┴────────────┘
 *     fenced: from everywhere, for ever
 *
 *  1. Records and offsets are sent while it is `open` and at no other time.
 *  2. `open` is reached from `ready` alone: never are two transactions open.
 *  3. `suspect` means that the coordinator may hold another epoch, or a transaction, than we know of. Only
 *     InitProducerId leads out of it.
 *  4. `fenced` is never left.
 */
import { assert } from '../../../core/assert.ts'

export type TransactionState =
  'suspect' | 'initializing' | 'ready' | 'open' | 'committing' | 'aborting' | 'fenced'

export const transactionTransitions: Readonly<
  Record<TransactionState, readonly TransactionState[]>
> = {
  suspect: ['initializing', 'fenced'],
  initializing: ['ready', 'suspect', 'fenced'],
  ready: ['open', 'fenced'],
  open: ['committing', 'aborting', 'fenced'],
  committing: ['ready', 'aborting', 'suspect', 'fenced'],
  aborting: ['ready', 'suspect', 'fenced'],
  fenced: ['fenced'],
}

export class TransactionLifecycle {
  #state: TransactionState = 'suspect'

  get state(): TransactionState {
    return this.#state
  }

  moveTo(next: TransactionState): void {
    assert(
      transactionTransitions[this.#state].includes(next),
      `a transaction goes from ${this.#state} to ${transactionTransitions[this.#state].join(' or ')}, not to ${next}`,
    )
    this.#state = next
  }

  assertIn(state: TransactionState, what: string): void {
    assert(this.#state === state, `${what} while ${state}, not while ${this.#state}`)
  }
}
