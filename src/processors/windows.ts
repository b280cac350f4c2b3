/** Window definitions, with Kafka Streams' semantics of assignment, grace and retention. */

export interface TumblingWindows {
  readonly kind: 'tumbling'
  readonly sizeMs: number
  /** A record is late once stream time has reached its window's end plus this. */
  readonly graceMs: number
}

export interface SessionWindows {
  readonly kind: 'session'
  /** Events of a key at most this far apart (inclusive) belong to one session. */
  readonly gapMs: number
  /** A session takes records until stream time has passed its end by gap and grace. */
  readonly graceMs: number
}

/** Windows [n × size, (n + 1) × size), aligned to the epoch. */
export function tumblingWindows(options: { sizeMs: number; graceMs: number }): TumblingWindows {
  return { kind: 'tumbling', ...options }
}

export function sessionWindows(options: { gapMs: number; graceMs: number }): SessionWindows {
  return { kind: 'session', ...options }
}

export function tumblingStartMs(windows: TumblingWindows, timestampMs: number): number {
  return Math.floor(timestampMs / windows.sizeMs) * windows.sizeMs
}

/** How long a window store keeps a window after its start: until no record for it is taken any more. */
export function tumblingRetentionMs(windows: TumblingWindows): number {
  return windows.sizeMs + windows.graceMs
}

/** How long a session store keeps a session after its end. A record just within grace may still reach a
 * session that ended one gap before it, hence twice the gap. */
export function sessionRetentionMs(windows: SessionWindows): number {
  return 2 * windows.gapMs + windows.graceMs
}

export function windowFaults(windows: TumblingWindows | SessionWindows): string[] {
  const [what, lengthMs] =
    windows.kind === 'tumbling' ? ['sizeMs', windows.sizeMs] : ['gapMs', windows.gapMs]
  const faults: string[] = []
  if (!Number.isSafeInteger(lengthMs) || lengthMs <= 0) {
    faults.push(`${what} is ${lengthMs}; use a whole number of milliseconds above 0`)
  }
  if (!Number.isSafeInteger(windows.graceMs) || windows.graceMs < 0) {
    faults.push(`graceMs is ${windows.graceMs}; use a whole number of milliseconds, 0 or more`)
  }
  return faults
}
