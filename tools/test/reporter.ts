/** A reporter for node:test, in the process of one test file: each result as a line of JSON for the runner. */
import { inspect } from 'node:util'

export interface TestResult {
  readonly name: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly durationMs: number
  /** Why it was skipped, or how it failed. */
  readonly reason: string
}

/** The part of node:test's events that is read here (`TestsStream` in Node's documentation). */
interface TestEvent {
  readonly type: string
  readonly data: {
    readonly name: string
    readonly skip?: string | boolean
    readonly todo?: string | boolean
    readonly details: {
      readonly duration_ms: number
      readonly type?: string
      readonly error?: { readonly failureType?: string; readonly cause?: unknown }
    }
  }
}

export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    const result = resultOf(event)
    if (result !== undefined) yield `${JSON.stringify(result)}\n`
  }
}

function resultOf({ type, data }: TestEvent): TestResult | undefined {
  if (type !== 'test:pass' && type !== 'test:fail') return undefined
  const { name, details } = data
  const common = { name, durationMs: details.duration_ms }
  if (type === 'test:fail') {
    // The subtest that failed was reported itself.
    if (details.error?.failureType === 'subtestsFailed') return undefined
    const reason = inspect(details.error?.cause ?? details.error, { depth: 8 })
    return { ...common, outcome: 'failed', reason }
  }
  const skip = data.skip ?? data.todo ?? false
  // What a suite has is reported itself, but for one that is left out as a whole.
  if (details.type === 'suite' && skip === false) return undefined
  if (skip === false) return { ...common, outcome: 'passed', reason: '' }
  const reason = typeof skip === 'string' && skip !== '' ? skip : 'no reason given'
  return { ...common, outcome: 'skipped', reason }
}
