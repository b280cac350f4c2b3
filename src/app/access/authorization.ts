/** Access in the words of HTTP. Secrets are revealed here and nowhere else. */
import { TidemarkError } from '../../core/errors.ts'
import { Access, type KeptPassword } from '../../server/access/access.ts'
import { basicAuthorization, bearerAuthorization } from '../../server/access/credentials.ts'
import { readScryptHash } from '../../server/access/scrypt-password.ts'
import type { Configuration } from '../configuration.ts'
import type { Secret } from '../secret.ts'
import type { AccessConfiguration, CredentialsConfiguration } from './access-configuration.ts'

/** One header, or none. */
export type AuthorizationHeaders = Readonly<Record<string, string>>

/** Of a command that speaks to an instance. */
export function commandHeaders({
  credentials,
}: Pick<Configuration, 'credentials'>): AuthorizationHeaders {
  if (credentials === null) return {}
  return { authorization: basicAuthorization(credentials.user, credentials.password.reveal()) }
}

/** Of an instance that speaks to another one of its cluster. */
export function peerHeaders({ access }: Pick<Configuration, 'access'>): AuthorizationHeaders {
  const secret = access?.peerSecret ?? null
  return secret === null ? {} : { authorization: bearerAuthorization(secret.reveal()) }
}

export function basicAuthentication(credentials: CredentialsConfiguration | null) {
  if (credentials === null) return {}
  const { user, password } = credentials
  return { authentication: { kind: 'basic', user, password: password.reveal() } as const }
}

/** @throws TidemarkError ACCESS_REFUSED with what the door says; 403 of the SQL door is ClickHouse's matter, too, and is left
 * to who asks */
export async function refuseRefused(response: Response): Promise<void> {
  const isClickHouse = response.headers.has('x-clickhouse-exception-code')
  if (response.status !== 401 && (response.status !== 403 || isClickHouse)) return
  const hint =
    response.status === 401 ? '; set user and password, as TIDEMARK_USER and TIDEMARK_PASSWORD' : ''
  throw new TidemarkError('ACCESS_REFUSED', `${reasonIn(await response.text())}${hint}`)
}

function reasonIn(text: string): string {
  try {
    const { error, message } = JSON.parse(text) as { error?: string; message?: string }
    return error ?? message ?? text
  } catch {
    return text.trim()
  }
}

function keptOf(password: Secret): KeptPassword {
  const text = password.reveal()
  const passwordScrypt = readScryptHash(text)
  return passwordScrypt === null ? { passwordSha256: Buffer.from(text, 'hex') } : { passwordScrypt }
}

export function accessOf({ users, peerSecret }: AccessConfiguration): Access {
  return new Access(
    users.map(({ password, ...user }) => ({ ...user, ...keptOf(password) })),
    peerSecret?.reveal() ?? null,
  )
}
