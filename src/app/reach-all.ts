/** Waits, for a bounded time, until all of several servers answer; tells of all that do not. */
import { pause, type Clock } from '../core/clock.ts'
import { messageOf, TidemarkError, type ErrorCode } from '../core/errors.ts'

export interface Reachable {
  /** `Kafka at host:port`. */
  readonly name: string
  /** Resolves when it answers. */
  readonly reach: () => Promise<unknown>
}

export interface ReachOptions {
  readonly clock: Clock
  readonly retryMaxMs: number
  readonly onProgress: (line: string) => void
  /** Aborted: who does not answer is not asked again. */
  readonly signal?: AbortSignal
}

const firstDelayMs = 250
const delayMaxMs = 2_000
/** Between two lines about one server. */
const reportEveryMs = 5_000

const absences: ReadonlySet<ErrorCode> = new Set([
  'KAFKA_UNREACHABLE',
  'REGISTRY_UNREACHABLE',
  'SINK_UNAVAILABLE',
])

/** @throws TidemarkError with the code of the first that failed and the names of all that did */
export async function reachAll(
  servers: readonly Reachable[],
  options: ReachOptions,
): Promise<void> {
  const refused = new AbortController()
  const { signal } = options
  const over = signal === undefined ? refused.signal : AbortSignal.any([refused.signal, signal])
  const refuse = () => {
    refused.abort()
  }
  const outcomes = await Promise.all(
    servers.map((server) => reachOne(server, options, { over, refuse })),
  )
  const failures = servers.flatMap(({ name }, index) => {
    const thrown = outcomes[index]
    return thrown === null || thrown === undefined ? [] : [{ name, thrown }]
  })
  const [first] = failures
  if (first === undefined) return
  if (failures.length === 1 && first.thrown instanceof TidemarkError && !isAbsence(first.thrown)) {
    throw first.thrown
  }
  // What a person must mend goes first; what may come by itself after it.
  const leading = failures.find(({ thrown }) => !isAbsence(thrown)) ?? first
  throw new TidemarkError(
    leading.thrown instanceof TidemarkError ? leading.thrown.code : 'KAFKA_UNREACHABLE',
    `the instance cannot start without:\n${failures
      .map(({ name, thrown }) => `  ${name}: ${messageOf(thrown)}`)
      .join('\n')}`,
    { cause: leading.thrown },
  )
}

/** Null when it answers, or else with what it failed. */
async function reachOne(
  { name, reach }: Reachable,
  { clock, retryMaxMs, onProgress }: ReachOptions,
  { over, refuse }: { readonly over: AbortSignal; readonly refuse: () => void },
): Promise<unknown> {
  const startedMs = clock.monotonicMs()
  let reportedMs = -Infinity
  for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, delayMaxMs)) {
    try {
      await reach()
      if (reportedMs !== -Infinity) onProgress(`${name}: answers`)
      return null
    } catch (thrown) {
      if (!isAbsence(thrown)) {
        refuse()
        return thrown
      }
      const nowMs = clock.monotonicMs()
      const leftMs = startedMs + retryMaxMs - nowMs
      if (leftMs <= 0 || over.aborted) return thrown
      if (nowMs - reportedMs >= reportEveryMs) {
        const left = Math.ceil(leftMs / 1000)
        onProgress(`waiting for ${name}, for another ${left} s at most: ${messageOf(thrown)}`)
        reportedMs = nowMs
      }
      await pause(clock, Math.min(delayMs, leftMs), over)
    }
  }
}

function isAbsence(thrown: unknown): boolean {
  return thrown instanceof TidemarkError && absences.has(thrown.code)
}
