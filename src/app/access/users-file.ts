/**
 * The file of `access.usersFile`: YAML, a list of users. What is wrong is told of all users at once. Passwords are kept as
 * the hash that they are compared by; none is in a message.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'yaml'
import { messageOf } from '../../core/errors.ts'
import { nearestName } from '../../schema/nearest-name.ts'
import { sha256 } from '../../server/access/access.ts'
import { rightsOf, roleNames, type Right, type Role } from '../../server/access/roles.ts'
import { readScryptHash } from '../../server/access/scrypt-password.ts'
import { databaseName } from '../../sinks/clickhouse/engine-config.ts'
import { Secret } from '../secret.ts'

export interface ConfiguredUser {
  readonly name: string
  /** What is kept of it: SHA-256 in hexadecimal, or scrypt with its parameters. */
  readonly password: Secret
  readonly roles: readonly Role[]
  /** What they may read of; null: all. */
  readonly databases: readonly string[] | null
}

interface Reading {
  /** Of the file; others that it names are beside it. */
  readonly directory: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly faults: string[]
}

type Fields = Readonly<Record<string, unknown>>

const passwordKeys = [
  'passwordSha256',
  'passwordScrypt',
  'passwordFile',
  'passwordVariable',
] as const
const keys = ['name', 'roles', 'databases', ...passwordKeys]
/** What databases limit; who may more than this sees all of them anyway. */
const limitable: readonly Right[] = ['status', 'schemas', 'read', 'produce']
const namePattern = /^[^\s:\p{Cc}][^:\p{Cc}]{0,99}$/u

export function readUsers(content: string, reading: Reading): readonly ConfiguredUser[] {
  const { faults } = reading
  let users: unknown
  try {
    users = (parse(content) as { users?: unknown } | null)?.users
  } catch (cause) {
    // What follows on the first line quotes the file.
    faults.push(messageOf(cause).split('\n')[0] ?? '')
    return []
  }
  if (!Array.isArray(users) || users.length === 0) {
    faults.push('expected a list of users under users:')
    return []
  }
  const found = users.flatMap((user: unknown, index) => {
    const name = isFields(user) && typeof user['name'] === 'string' ? ` (${user['name']})` : ''
    const tell = (what: string) => faults.push(`user ${index + 1}${name}: ${what}`)
    return isFields(user) ? [userOf(user, reading, tell)] : (tell('expected keys and values'), [])
  })
  const names = found.map(({ name }) => name)
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  for (const name of twice) faults.push(`two users are called ${JSON.stringify(name)}`)
  return found
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function userOf(user: Fields, reading: Reading, tell: (what: string) => void): ConfiguredUser {
  for (const key of Object.keys(user).filter((known) => !keys.includes(known))) {
    if (key === 'password') {
      tell(`password: is not written here; give one of ${passwordKeys.join(', ')}`)
      continue
    }
    const near = nearestName(key, keys)
    tell(
      `${key}: unknown${near === null ? `; known are ${keys.join(', ')}` : `; did you mean ${near}?`}`,
    )
  }
  const { name } = user
  if (typeof name !== 'string' || !namePattern.test(name)) {
    tell('name: expected up to 100 characters without a colon')
  }
  const roles = rolesOf(user['roles'], tell)
  return {
    name: typeof name === 'string' ? name : '',
    roles,
    databases: databasesOf(user['databases'], roles, tell),
    password: new Secret(passwordOf(user, reading, tell)),
  }
}

function rolesOf(given: unknown, tell: (what: string) => void): readonly Role[] {
  const roles = listOf(given)
  if (roles.length === 0) tell(`roles: expected one or more of ${roleNames.join(', ')}`)
  for (const role of roles.filter((name) => !isRole(name))) {
    tell(`roles: expected one or more of ${roleNames.join(', ')}, found ${JSON.stringify(role)}`)
  }
  return roles.filter(isRole)
}

function isRole(name: unknown): name is Role {
  return (roleNames as readonly unknown[]).includes(name)
}

function databasesOf(
  given: unknown,
  roles: readonly Role[],
  tell: (what: string) => void,
): readonly string[] | null {
  if (given === undefined) return null
  const databases = listOf(given)
  const wrong = databases.find((name) => typeof name !== 'string' || !databaseName.test(name))
  if (databases.length === 0 || wrong !== undefined) {
    tell(
      `databases: expected one or more names of databases, found ${JSON.stringify(wrong ?? given)}`,
    )
    return []
  }
  const rights = rightsOf(roles)
  const isAll = [...rights].some((right) => !limitable.includes(right))
  if (isAll) tell(`databases: ${roles.join(' and ')} sees all of them; limit readers`)
  if (!rights.has('read')) tell('databases: say nothing of who may not read')
  return databases as readonly string[]
}

function listOf(given: unknown): readonly unknown[] {
  return Array.isArray(given) ? given : given === undefined || given === null ? [] : [given]
}

/** Its hash as it is kept; empty where it is a fault. */
function passwordOf(user: Fields, reading: Reading, tell: (what: string) => void): string {
  const given = passwordKeys.filter((key) => user[key] !== undefined)
  const [key] = given
  if (key === undefined || given.length > 1) {
    tell(`expected one of ${passwordKeys.join(', ')}`)
    return ''
  }
  const value = user[key]
  if (typeof value !== 'string') {
    tell(`${key}: expected text; put it in quotes`)
    return ''
  }
  if (key === 'passwordSha256') {
    if (!/^[0-9a-f]{64}$/i.test(value)) tell(`${key}: expected 64 hexadecimal digits`)
    else if (value.toLowerCase() === sha256('').toString('hex'))
      tell(`${key}: of an empty password`)
    return value
  }
  if (key === 'passwordScrypt') {
    if (readScryptHash(value) === null) tell(`${key}: expected what tidemark access hash prints`)
    return value
  }
  const text = key === 'passwordFile' ? fileText(value, reading, tell) : reading.environment[value]
  if (text === undefined) {
    if (key === 'passwordVariable') tell(`${key}: the environment has no ${value}`)
    return ''
  }
  if (text === '') tell(`${key}: the password is empty`)
  return sha256(text).toString('hex')
}

/** Whose last line end is not part of it. */
function fileText(
  name: string,
  { directory }: Reading,
  tell: (what: string) => void,
): string | undefined {
  try {
    return readFileSync(resolve(directory, name), 'utf8').replace(/\r?\n$/, '')
  } catch (thrown) {
    tell(`passwordFile: cannot be read: ${messageOf(thrown)}`)
    return undefined
  }
}
