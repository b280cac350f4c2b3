/** Who asks: by headers, by HTTP basic authentication or in the URL, as ClickHouse takes it. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { ClickHouseFailure } from '../../sinks/clickhouse/failure.ts'

/** User name to password. All of them may read and none may write. */
export type Users = Readonly<Record<string, string>>

interface Credentials {
  readonly user: string
  readonly password: string
}

/** Returns the user's name. @throws ClickHouseFailure 516 AUTHENTICATION_FAILED */
export function authenticate(headers: Headers, search: URLSearchParams, users: Users): string {
  const { user, password } = credentialsOf(headers, search)
  const expected = Object.hasOwn(users, user) ? users[user] : undefined
  if (expected !== undefined && same(password, expected)) return user
  throw new ClickHouseFailure(
    516,
    'AUTHENTICATION_FAILED',
    `${user}: Authentication failed: password is incorrect, or there is no user with such name`,
  )
}

function credentialsOf(headers: Headers, search: URLSearchParams): Credentials {
  const user = headers.get('x-clickhouse-user')
  const key = headers.get('x-clickhouse-key')
  if (user !== null || key !== null) return { user: user ?? 'default', password: key ?? '' }
  const basic = /^Basic\s+(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  if (basic !== undefined) {
    const text = Buffer.from(basic, 'base64').toString('utf8')
    const colon = text.indexOf(':')
    if (colon === -1) return { user: text, password: '' }
    return { user: text.slice(0, colon), password: text.slice(colon + 1) }
  }
  return { user: search.get('user') ?? 'default', password: search.get('password') ?? '' }
}

/** In a time that does not tell how much of the password was right. */
function same(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
