/** An instance that does not answer, in words that say what failed and where. */
import { messageOf, TidemarkError } from '../core/errors.ts'
import { mayPassDetail } from './ingest-port.ts'

const causesMax = 5

/** @param from what was asked, with its address; as `the ingest at http://127.0.0.1:8082` */
export function noAnswer(from: string, cause: unknown): TidemarkError {
  const causes = causesOf(cause)
  // Nothing listens there, so no process is left to answer; whatever else went wrong may pass.
  const isGone = causes.some((error) => codeOf(error) === 'ECONNREFUSED')
  const reasons = new Set(causes.map(reasonOf).filter((reason) => reason !== ''))
  const message = `no answer from ${from}: ${[...reasons].join(': ')}`
  const details = { [mayPassDetail]: !isGone }
  return new TidemarkError('INSTANCE_NOT_RUNNING', message, { cause, details })
}

/** `fetch failed` alone says nothing: what failed is in its causes, and of several addresses in the error of each. */
function causesOf(thrown: unknown): readonly unknown[] {
  const causes: unknown[] = []
  let next = thrown
  while (next !== undefined && causes.length < causesMax) {
    causes.push(next)
    if (next instanceof AggregateError) causes.push(...(next.errors as unknown[]))
    next = next instanceof Error ? next.cause : undefined
  }
  return causes
}

function reasonOf(cause: unknown): string {
  const code = codeOf(cause)
  const message = messageOf(cause)
  return code === '' || message.includes(code) ? message : `${message} (${code})`
}

function codeOf(cause: unknown): string {
  return (cause instanceof Error && (cause as NodeJS.ErrnoException).code) || ''
}
