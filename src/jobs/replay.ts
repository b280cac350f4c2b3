/**
 * Facts that are computed anew from their events, after a reset or an erasure, bear the time of that: `known_at` no more
 * says when they were known first, and of what they replaced before only a part is left.
 */
import { TidemarkError } from '../core/errors.ts'

/** The last one of a topology. */
export interface Replay {
  readonly topology: string
  /** Milliseconds since the epoch, as the other. */
  readonly resetAtMs: number
  /** From then on `known_at` can be relied on: all events that there were had been read again. Null until that is so. */
  readonly endedAtMs: number | null
}

/** @throws TidemarkError REQUEST_INVALID where what was known at that time is not known any more */
export function refuseForgotten(replay: Replay, asOfMs: number): void {
  const { topology, resetAtMs, endedAtMs } = replay
  if (endedAtMs !== null && asOfMs >= endedAtMs) return
  const was = `${topology} was reset at ${isoTime(resetAtMs)}`
  if (endedAtMs === null) {
    throw refusal(
      replay,
      `${was} and has not read all of its events again, so there is only a fragment of its rows: run an instance with ` +
        `--topologies ${topology} until \`tidemark status\` shows no lag, then try again`,
    )
  }
  throw refusal(
    replay,
    `${was} and had read its events again by ${isoTime(endedAtMs)}: of what was known at ${isoTime(asOfMs)} only a ` +
      `fragment is left; give a time from ${isoTime(endedAtMs)} on`,
  )
}

function refusal(replay: Replay, message: string): TidemarkError {
  return new TidemarkError('REQUEST_INVALID', message, { details: { ...replay } })
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
