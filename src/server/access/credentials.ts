/** Who a request says it is from: by HTTP authentication; at the SQL door also as ClickHouse takes it. */
import type { Door } from './roles.ts'

export type Credentials =
  | { readonly kind: 'user'; readonly name: string; readonly password: string }
  /** An instance of the same cluster. */
  | { readonly kind: 'peer'; readonly secret: string }

/** Null where it says nothing; at the SQL door it is then ClickHouse's user `default`. */
export function credentialsOf(request: Request, door: Door): Credentials | null {
  const { headers } = request
  return door === 'sql'
    ? (ofClickHouse(headers) ?? ofHttp(headers) ?? ofUrl(new URL(request.url).searchParams))
    : ofHttp(headers)
}

function ofHttp(headers: Headers): Credentials | null {
  const header = headers.get('authorization') ?? ''
  const secret = /^Bearer\s+(\S+)$/i.exec(header)?.[1]
  if (secret !== undefined) return { kind: 'peer', secret }
  const basic = /^Basic\s+(\S+)$/i.exec(header)?.[1]
  if (basic === undefined) return null
  const text = Buffer.from(basic, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon === -1) return { kind: 'user', name: text, password: '' }
  return { kind: 'user', name: text.slice(0, colon), password: text.slice(colon + 1) }
}

function ofClickHouse(headers: Headers): Credentials | null {
  const name = headers.get('x-clickhouse-user')
  const password = headers.get('x-clickhouse-key')
  if (name === null && password === null) return null
  return { kind: 'user', name: name ?? 'default', password: password ?? '' }
}

function ofUrl(search: URLSearchParams): Credentials {
  const name = search.get('user') ?? 'default'
  return { kind: 'user', name, password: search.get('password') ?? '' }
}

export function basicAuthorization(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
}

export function bearerAuthorization(secret: string): string {
  return `Bearer ${secret}`
}
