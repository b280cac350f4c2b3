import type { Context } from 'hono'
import type { Reaction } from '../../core/errors.ts'
import { messageOf, TidemarkError } from '../../core/errors.ts'

const mediaType = 'application/vnd.schemaregistry.v1+json'

export function answer(context: Context, body: unknown): Response {
  return context.body(JSON.stringify(body), 200, { 'content-type': mediaType })
}

/** JSON that is a schema's own text. */
export function answerText(context: Context, text: string): Response {
  return context.body(text, 200, { 'content-type': mediaType })
}

/** A failure in Confluent's form: `{error_code, message}`, with the HTTP status that its first digits are. */
export function answerError(context: Context, error: unknown): Response
export function answerError(
  context: Context,
  status: number,
  errorCode: number,
  message: string,
): Response
export function answerError(
  context: Context,
  failure: unknown,
  errorCode?: number,
  message?: string,
): Response {
  if (typeof failure === 'number') return failed(context, failure, errorCode ?? failure, message)
  const code = errorCodeOf(failure)
  return failed(context, Number(String(code).slice(0, 3)), code, messageOf(failure))
}

function failed(context: Context, status: number, errorCode: number, message = ''): Response {
  return context.body(JSON.stringify({ error_code: errorCode, message }), status as 500, {
    'content-type': mediaType,
  })
}

/** 50001 is Confluent's "error in the backend data store", 50003 "error while forwarding": try again. */
const numberOfReaction: Readonly<Record<Reaction, number>> = {
  refuse: 42201,
  quarantine: 42201,
  retry: 50001,
  'restart-task': 50001,
  stop: 50001,
}

function errorCodeOf(failure: unknown): number {
  if (!(failure instanceof TidemarkError)) return 50001
  const known = failure.details['errorCode']
  if (typeof known === 'number') return known
  return failure.code === 'REQUEST_INVALID' ? 422 : numberOfReaction[failure.reaction]
}
