/**
 * A reset is a row of steps, and between two of them a topology has neither what it had nor what it is to have: inputs that
 * are read again into state that has counted them already. So it is noted when one begins, and until one has ended
 * no instance starts.
 */
import { TidemarkError } from '../core/errors.ts'
import type { MetaRecords } from './meta-records.ts'

const prefix = 'reset-under-way/'

export async function noteResetsBegun(
  meta: MetaRecords,
  topologies: readonly string[],
  atMs: number,
): Promise<void> {
  await meta.append(topologies.map((name) => ({ key: prefix + name, value: String(atMs) })))
}

export async function noteResetsEnded(
  meta: MetaRecords,
  topologies: readonly string[],
): Promise<void> {
  await meta.append(topologies.map((name) => ({ key: prefix + name, value: null })))
}

/** @throws TidemarkError RESET_UNFINISHED naming all of these topologies whose reset has not ended */
export async function refuseResetsUnderWay(
  meta: Pick<MetaRecords, 'load'>,
  topologies: readonly string[],
): Promise<void> {
  const begun = new Map<string, string>()
  for (const { key, value } of await meta.load()) {
    if (!key.startsWith(prefix)) continue
    if (value === null) begun.delete(key.slice(prefix.length))
    else begun.set(key.slice(prefix.length), value)
  }
  const unfinished = topologies.filter((name) => begun.has(name))
  if (unfinished.length === 0) return
  const told = unfinished.map((name) => {
    const since = new Date(Number(begun.get(name))).toISOString()
    return `${name}, since ${since}`
  })
  throw new TidemarkError(
    'RESET_UNFINISHED',
    `a reset has not ended: ${told.join('; ')}. If it does not run any more it was cut off; run it again with the same options (tidemark reset --topologies ${unfinished.join(',')}), which ends it`,
    { details: { topologies: unfinished.join(', ') } },
  )
}
