/** Window definitions, with Kafka Streams' semantics of assignment, grace and retention. */

export interface TumblingWindows {
  readonly kind: 'tumbling'
  readonly sizeMs: number
  /** A record is late once stream time has reached its window's end plus this. */
  readonly graceMs: number
}

export interface HoppingWindows {
  readonly kind: 'hopping'
  readonly sizeMs: number
  /** A window starts at each multiple of this; not above the size. */
  readonly advanceMs: number
  /** As of tumbling windows. */
  readonly graceMs: number
}

export interface SlidingWindows {
  readonly kind: 'sliding'
  /** Events of a key at most this far apart (inclusive) share a window. */
  readonly differenceMs: number
  /** A window takes records until stream time has passed its end by this. */
  readonly graceMs: number
}

export interface SessionWindows {
  readonly kind: 'session'
  /** Events of a key at most this far apart (inclusive) belong to one session. */
  readonly gapMs: number
  /** A session takes records until stream time has passed its end by gap and grace. */
  readonly graceMs: number
}

/** Of a join of streams: a right record joins a left one whose time is t where its own is in
 * [t − beforeMs, t + afterMs]. One of the two may be negative: then the right one is always later, or always earlier. */
export interface JoinWindows {
  readonly beforeMs: number
  readonly afterMs: number
  /** How long after a record's window has ended a partner may come late. */
  readonly graceMs: number
}

/** Windows of one size at fixed places. */
export type TimeWindows = TumblingWindows | HoppingWindows
export type Windows = TimeWindows | SlidingWindows | SessionWindows

/** Windows [n × size, (n + 1) × size), aligned to the epoch. */
export function tumblingWindows(options: { sizeMs: number; graceMs: number }): TumblingWindows {
  return { kind: 'tumbling', ...options }
}

/** Windows [n × advance, n × advance + size), aligned to the epoch: a record belongs to several. */
export function hoppingWindows(options: {
  sizeMs: number
  advanceMs: number
  graceMs: number
}): HoppingWindows {
  return { kind: 'hopping', ...options }
}

/** Windows that begin or end with a record, both bounds inclusive (KIP-450): a window is made for each
 * different set of records that some interval of this length holds. */
export function slidingWindows(options: { differenceMs: number; graceMs: number }): SlidingWindows {
  return { kind: 'sliding', ...options }
}

export function sessionWindows(options: { gapMs: number; graceMs: number }): SessionWindows {
  return { kind: 'session', ...options }
}

/** At most `differenceMs` apart, whichever comes first; or as `beforeMs` and `afterMs` say. */
export function joinWindows(
  options:
    | { readonly differenceMs: number; readonly graceMs: number }
    | { readonly beforeMs: number; readonly afterMs: number; readonly graceMs: number },
): JoinWindows {
  if (!('differenceMs' in options)) return options
  const { differenceMs, graceMs } = options
  return { beforeMs: differenceMs, afterMs: differenceMs, graceMs }
}

/** Where the windows that a record belongs to start, ascending. As in Kafka Streams none of them starts before
 * the epoch, unless the record itself is older. */
export function windowStartsMs(windows: TimeWindows, timestampMs: number): number[] {
  const advanceMs = windows.kind === 'hopping' ? windows.advanceMs : windows.sizeMs
  const lastMs = Math.floor(timestampMs / advanceMs) * advanceMs
  const starts: number[] = []
  for (let startMs = lastMs; startMs > timestampMs - windows.sizeMs; startMs -= advanceMs) {
    if (startMs < 0 && timestampMs >= 0) break
    starts.push(startMs)
  }
  return starts.reverse()
}

/** The first stream time at which a window takes no record any more. */
export function closeMsOf(windows: Windows, windowEndMs: number): number {
  switch (windows.kind) {
    case 'tumbling':
    case 'hopping':
      return windowEndMs + windows.graceMs
    // Their ends are inclusive.
    case 'sliding':
      return windowEndMs + windows.graceMs + 1
    case 'session':
      return windowEndMs + windows.gapMs + windows.graceMs + 1
  }
}

/** How long a window store keeps a window after its start: until no record for it is taken any more. Of sliding
 * windows a record that is just not late looks at those that start up to two lengths before it. */
export function retentionMsOf(windows: TimeWindows | SlidingWindows): number {
  if (windows.kind === 'sliding') return 3 * windows.differenceMs + windows.graceMs
  return windows.sizeMs + windows.graceMs
}

/** How long a join of streams keeps a record of its left side after its time (of its right side: with the bounds swapped): until no
 * partner can come whose window is open, be its own as long closed. That is not the window's length where the window lies off
 * the record: with a `beforeMs` below 0 the partner comes up to `afterMs` later all the same. */
export function joinRetentionMs({ beforeMs, afterMs, graceMs }: JoinWindows): number {
  return Math.max(0, beforeMs) + afterMs + graceMs
}

/** How long a session store keeps a session after its end. A record just within grace may still reach a
 * session that ended one gap before it, hence twice the gap. */
export function sessionRetentionMs(windows: SessionWindows): number {
  return 2 * windows.gapMs + windows.graceMs
}

export function windowFaults(windows: Windows): string[] {
  const faults: string[] = []
  for (const [what, lengthMs] of Object.entries(lengthsOf(windows))) {
    if (Number.isSafeInteger(lengthMs) && lengthMs > 0) continue
    faults.push(`${what} is ${lengthMs}; use a whole number of milliseconds above 0`)
  }
  if (windows.kind === 'hopping' && windows.advanceMs > windows.sizeMs) {
    faults.push(
      `advanceMs is ${windows.advanceMs}, above the sizeMs of ${windows.sizeMs}: records between two windows ` +
        'would be lost',
    )
  }
  if (!Number.isSafeInteger(windows.graceMs) || windows.graceMs < 0) {
    faults.push(`graceMs is ${windows.graceMs}; use a whole number of milliseconds, 0 or more`)
  }
  return faults
}

export function joinWindowFaults({ beforeMs, afterMs, graceMs }: JoinWindows): string[] {
  const faults: string[] = []
  if (!Number.isSafeInteger(beforeMs) || !Number.isSafeInteger(afterMs) || beforeMs + afterMs < 0) {
    faults.push(
      `beforeMs is ${beforeMs} and afterMs ${afterMs}; use whole numbers of milliseconds whose sum is 0 or more`,
    )
  }
  if (!Number.isSafeInteger(graceMs) || graceMs < 0) {
    faults.push(`graceMs is ${graceMs}; use a whole number of milliseconds, 0 or more`)
  }
  return faults
}

function lengthsOf(windows: Windows): Record<string, number> {
  switch (windows.kind) {
    case 'tumbling':
      return { sizeMs: windows.sizeMs }
    case 'hopping':
      return { sizeMs: windows.sizeMs, advanceMs: windows.advanceMs }
    case 'sliding':
      return { differenceMs: windows.differenceMs }
    case 'session':
      return { gapMs: windows.gapMs }
  }
}
