/** Fencing: the newest producer of a transactional id has the highest epoch, and only it may commit. */
import { TidemarkError } from '../core/errors.ts'
import type { StorageOperation } from './ordered-storage.ts'
import { metaKey, metaValue } from './storage-keys.ts'

export interface ProducerIdentity {
  readonly transactionalId: string
  readonly epoch: number
}

export class ProducerEpochs {
  readonly #epochs = new Map<string, number>()

  /** The epoch of a new producer. Earlier ones are fenced from now on, whether or not it becomes durable:
   * an epoch that was given out is never given out again. */
  next(transactionalId: string): number {
    const epoch = (this.#epochs.get(transactionalId) ?? 0) + 1
    this.#epochs.set(transactionalId, epoch)
    return epoch
  }

  put(transactionalId: string): StorageOperation {
    const value = metaValue(this.#epochs.get(transactionalId) ?? 0)
    return { kind: 'put', family: 'meta', key: metaKey('producer', transactionalId), value }
  }

  adopt(transactionalId: string, epoch: number): void {
    const known = this.#epochs.get(transactionalId) ?? 0
    this.#epochs.set(transactionalId, Math.max(known, epoch))
  }

  /** @throws TidemarkError PRODUCER_FENCED */
  check({ transactionalId, epoch }: ProducerIdentity): void {
    const newest = this.#epochs.get(transactionalId)
    if (newest === epoch) return
    throw new TidemarkError(
      'PRODUCER_FENCED',
      `producer ${transactionalId}, epoch ${epoch}, is fenced by epoch ${newest}`,
      { details: { transactionalId, epoch, newestEpoch: newest ?? null } },
    )
  }
}
