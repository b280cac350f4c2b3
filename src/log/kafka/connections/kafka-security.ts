/** How one proves who one is to the brokers, and they to us. */
import { SASLMechanisms } from '@platformatic/kafka'
import type { ConnectionOptions, SASLOptions } from '@platformatic/kafka'

import { TidemarkError } from '../../../core/errors.ts'

export interface KafkaSecurity {
  /** `true`: TLS with the machine's certificate authorities. */
  readonly tls?: boolean | KafkaTls
  readonly sasl?: KafkaSasl
}

/** All in PEM. */
export interface KafkaTls {
  /** Instead of the machine's certificate authorities. */
  readonly authority?: string
  /** For mutual TLS. */
  readonly certificate?: string
  readonly key?: string
  readonly passphrase?: string
  /** What the brokers' certificates are checked against, where it is not the host that is connected to. */
  readonly serverName?: string
}

export type KafkaSasl =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
      readonly username: string
      readonly password: string
    }
  | {
      readonly mechanism: 'OAUTHBEARER'
      /** Asked at every connection, and again before the session of one ends. */
      readonly token: () => Promise<string>
      readonly extensions?: Readonly<Record<string, string>>
    }

/** @throws TidemarkError CONFIGURATION_INVALID */
export function securityOptions(security: KafkaSecurity): ConnectionOptions {
  const { tls, sasl } = security
  const options: ConnectionOptions = {}
  if (tls !== undefined && tls !== false) {
    options.tls = tls === true ? {} : tlsOptions(tls)
    if (tls !== true && tls.serverName !== undefined) options.tlsServerName = tls.serverName
  }
  if (sasl !== undefined) options.sasl = saslOptions(sasl)
  return options
}

function tlsOptions(tls: KafkaTls): NonNullable<ConnectionOptions['tls']> {
  return {
    ...(tls.authority === undefined ? {} : { ca: tls.authority }),
    ...(tls.certificate === undefined ? {} : { cert: tls.certificate }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.passphrase === undefined ? {} : { passphrase: tls.passphrase }),
  }
}

function saslOptions(sasl: KafkaSasl): SASLOptions {
  if (sasl.mechanism === 'OAUTHBEARER') {
    return {
      mechanism: SASLMechanisms.OAUTHBEARER,
      token: sasl.token,
      ...(sasl.extensions === undefined ? {} : { oauthBearerExtensions: { ...sasl.extensions } }),
      authBytesValidator: refuseInvalidToken,
    }
  }
  const { mechanism, username, password } = sasl
  // The library escapes only the first comma of a SCRAM user's name.
  if (mechanism !== 'PLAIN' && username.split(',').length > 2) {
    throw new TidemarkError(
      'CONFIGURATION_INVALID',
      `the user name for ${mechanism} has more than one comma, which is not supported`,
    )
  }
  return { mechanism, username, password }
}

/**
 * A broker answers a token that it refuses with its reason and no error code (RFC 7628). The library's own
 * validator calls back twice then, the second time with success.
 */
function refuseInvalidToken(
  answer: Buffer,
  callback: (error: Error | null, answer?: Buffer) => void,
): void {
  if (answer.length === 0) {
    callback(null, answer)
    return
  }
  callback(new Error(`the broker refuses the token: ${answer.toString('utf8')}`))
}
