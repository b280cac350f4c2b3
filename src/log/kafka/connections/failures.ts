/** What the library throws, as the errors of this project. */
import {
  AuthenticationError,
  GenericError,
  NetworkError,
  ProtocolError as LibraryProtocolError,
  ResponseError,
  UserError,
} from '@platformatic/kafka'

import { TidemarkError, messageOf } from '../../../core/errors.ts'
import { ProtocolError } from '../protocol-error.ts'

/** The first on every connection. */
export const openingRequest = 'ApiVersions'

/** Not mended by asking again: a person must change credentials, rights or a version. */
const refusals = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  'DELEGATION_TOKEN_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
  'UNSUPPORTED_VERSION',
  'SECURITY_DISABLED',
])

/** The settings that say how a connection is made. */
const connectionSettings = 'kafka.tls and kafka.saslMechanism'
const credentialSettings =
  'kafka.saslMechanism, and kafka.saslUsername with kafka.saslPassword or kafka.saslToken'

/** Errors that pass without anybody's doing: a leader moves, a coordinator loads, replicas catch up. */
const passing = new Set([
  'CORRUPT_MESSAGE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'REQUEST_TIMED_OUT',
  'BROKER_NOT_AVAILABLE',
  'REPLICA_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'NOT_CONTROLLER',
  'CONCURRENT_TRANSACTIONS',
  'KAFKA_STORAGE_ERROR',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
  'UNSTABLE_OFFSET_COMMIT',
  'THROTTLING_QUOTA_EXCEEDED',
  'UNKNOWN_TOPIC_ID',
  'INCONSISTENT_TOPIC_ID',
])

/** The destination of the request was the wrong one, or is no longer there. */
const stale = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'BROKER_NOT_AVAILABLE',
  'REPLICA_NOT_AVAILABLE',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'NOT_CONTROLLER',
  'KAFKA_STORAGE_ERROR',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'UNKNOWN_TOPIC_ID',
  'INCONSISTENT_TOPIC_ID',
])

/** True where the same request may succeed a little later, nobody doing anything. */
export function isRetriable(failure: unknown): boolean {
  if (failure instanceof ProtocolError) return passing.has(failure.codeName)
  return failure instanceof TidemarkError && failure.code === 'KAFKA_UNREACHABLE'
}

/** What passes but has not for so long, as whoever waited is told: brokers that answer only with errors are as good
 * as away. All other failures as they are. */
export function exhausted(failure: unknown, waitedMs: number): unknown {
  if (!(failure instanceof ProtocolError) || !isRetriable(failure)) return failure
  return new TidemarkError(
    'KAFKA_UNREACHABLE',
    `Kafka has answered for ${waitedMs} ms with errors that should pass, at last ${failure.message}`,
    { cause: failure, details: { kafkaError: failure.codeName } },
  )
}

/** True where the request should go elsewhere next time. */
export function isMisdirected(failure: unknown): boolean {
  if (failure instanceof ProtocolError) return stale.has(failure.codeName)
  return failure instanceof TidemarkError && failure.code === 'KAFKA_UNREACHABLE'
}

/** An error code of a response, as what is thrown of it: ProtocolError, or TidemarkError KAFKA_REFUSED. */
export function failureOfCode(
  code: number,
  request: string,
  detail: string | null = null,
): ProtocolError | TidemarkError {
  const failure = new ProtocolError(code, request, detail)
  if (!refusals.has(failure.codeName)) return failure
  return new TidemarkError('KAFKA_REFUSED', refusalMessage(failure), { cause: failure })
}

/** What was thrown by the library in `request` to the broker at `address`; errors of our own are left as they are. */
export function translateFailure(thrown: unknown, request: string, address: string): unknown {
  if (thrown instanceof ProtocolError || thrown instanceof TidemarkError) return thrown
  const chain = causesOf(thrown)
  for (const error of chain) {
    if (!(error instanceof ResponseError)) continue
    for (const inner of error.errors as unknown[]) {
      if (inner instanceof LibraryProtocolError) {
        const { apiCode, serverErrorMessage } = inner as { apiCode?: unknown } & {
          serverErrorMessage?: unknown
        }
        const detail = typeof serverErrorMessage === 'string' ? serverErrorMessage : null
        return failureOfCode(Number(apiCode), request, detail)
      }
    }
  }
  const refusal = chain.find(isRefusal)
  // A connection that was lost during the authentication says nothing about the credentials.
  const wasLost = chain.at(-1) instanceof NetworkError
  if (refusal !== undefined && !wasLost) {
    return new TidemarkError(
      'KAFKA_REFUSED',
      `the Kafka broker ${address} refuses the connection: ${reasonOf(chain)}; check ${connectionSettings} and what goes with them`,
      { cause: thrown },
    )
  }
  if (chain.some((error) => error instanceof GenericError)) {
    return new TidemarkError(
      'KAFKA_UNREACHABLE',
      `${request}: the Kafka broker ${address} does not answer: ${reasonOf(chain)}${hintFor(request, chain)}`,
      { cause: thrown },
    )
  }
  return thrown
}

/** A listener that wants TLS or SASL, or that does not, closes the connection without a word. */
function hintFor(request: string, chain: readonly unknown[]): string {
  const last = chain.at(-1)
  const isSilent = last instanceof NetworkError && /closed/.test(last.message)
  return request === openingRequest && isSilent
    ? `; where it goes on so, its listener may want other TLS or SASL than ${connectionSettings} say`
    : ''
}

function causesOf(thrown: unknown): unknown[] {
  const chain: unknown[] = []
  for (let error = thrown; error !== undefined && error !== null && chain.length < 10;) {
    chain.push(error)
    error = (error as { cause?: unknown }).cause
  }
  return chain
}

function reasonOf(chain: readonly unknown[]): string {
  return [...new Set(chain.map(messageOf).filter((message) => message !== ''))].join(' ')
}

function isRefusal(error: unknown): boolean {
  if (error instanceof AuthenticationError || error instanceof UserError) return true
  const code = (error as { code?: unknown }).code
  return (
    typeof code === 'string' &&
    /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/.test(code)
  )
}

function refusalMessage(failure: ProtocolError): string {
  const remedy =
    failure.codeName === 'UNSUPPORTED_VERSION'
      ? 'the cluster is older or newer than this release speaks to'
      : failure.codeName.endsWith('_AUTHORIZATION_FAILED')
        ? 'grant the right to the principal that kafka.saslUsername, the token or the certificate names'
        : `check ${credentialSettings}`
  return `the Kafka cluster refuses ${failure.message}: ${remedy}`
}
