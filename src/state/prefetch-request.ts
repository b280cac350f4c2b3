/** What a batch asks its stores for before it is processed. */
import { TidemarkError } from '../core/errors.ts'
import type { StoreName } from '../core/record.ts'
import type { AnyStore } from './stores.ts'

/** The value of one key of a key-value store. */
export interface KeyRequest {
  readonly store: StoreName | string
  readonly key: unknown
}

/** All windows of `key` that start in [fromMs, toMs]; where both are equal it is a read of one key, not a scan. */
export interface WindowsRequest extends KeyRequest {
  readonly fromMs: number
  readonly toMs: number
}

/** All sessions of `key` that end at or after `earliestEndMs` and start at or before `latestStartMs`. */
export interface SessionsRequest extends KeyRequest {
  readonly earliestEndMs: number
  readonly latestStartMs: number
}

export type PrefetchRequest = KeyRequest | WindowsRequest | SessionsRequest

const forms = {
  'key-value': '{ store, key }',
  window: '{ store, key, fromMs, toMs }',
  session: '{ store, key, earliestEndMs, latestStartMs }',
  versioned: '{ store, key }',
}

export function wrongRequest(store: AnyStore): TidemarkError {
  return new TidemarkError(
    'TOPOLOGY_INVALID',
    `store ${store.name} is a ${store.kind} store: prefetch it with ${forms[store.kind]}`,
    { details: { store: store.name } },
  )
}
