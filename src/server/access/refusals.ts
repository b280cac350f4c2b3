/** A refusal in the form that the clients of each door read. */
import type { Context } from 'hono'
import { ClickHouseFailure } from '../../sinks/clickhouse/failure.ts'
import { failureText } from '../clickhouse/failure-text.ts'
import { answer } from '../ingest/ingest-answers.ts'
import { answerError } from '../registry/registry-answers.ts'
import type { Door } from './roles.ts'

export interface Refusal {
  /** 401: nobody knows who asks. 403: they may not. 503: it cannot be said now. */
  readonly status: 401 | 403 | 503
  readonly message: string
}

interface Refused {
  readonly response: Response
  /** For the audit log. */
  readonly outcome: string
}

const challenge = { 'www-authenticate': 'Basic realm="tidemark", charset="UTF-8"' }
/** Of Confluent's REST proxy and registry. */
const errorNumbers = { 401: 40101, 403: 40301, 503: 50301 }

const clickHouseFailures = {
  401: (message: string) =>
    new ClickHouseFailure(516, 'AUTHENTICATION_FAILED', `Authentication failed: ${message}`),
  403: (message: string) =>
    new ClickHouseFailure(497, 'ACCESS_DENIED', `Not enough privileges: ${message}`),
  503: (message: string) => new ClickHouseFailure(202, 'TOO_MANY_SIMULTANEOUS_QUERIES', message),
}

export const refusalForms: Readonly<Record<Door, (context: Context, refusal: Refusal) => Refused>> =
  {
    console: (context, { status, message }) =>
      challenged(
        status,
        context.json({ error: message, code: 'ACCESS_REFUSED' }, status),
        String(status),
      ),
    registry: (context, { status, message }) =>
      challenged(
        status,
        answerError(context, status, errorNumbers[status], message),
        String(status),
      ),
    ingest: (context, { status, message }) =>
      challenged(
        status,
        answer(context, { error_code: errorNumbers[status], message }, status),
        String(status),
      ),
    sql: (_, { status, message }) => {
      const failure = clickHouseFailures[status](message)
      const headers = {
        'content-type': 'text/plain; charset=UTF-8',
        'x-clickhouse-exception-code': String(failure.code),
      }
      const response = new Response(failureText(failure), { status, headers })
      return challenged(status, response, failure.type)
    },
  }

function challenged(status: Refusal['status'], response: Response, outcome: string): Refused {
  if (status === 401) {
    for (const [name, value] of Object.entries(challenge)) response.headers.set(name, value)
  }
  if (status === 503) response.headers.set('retry-after', '1')
  return { response, outcome }
}
