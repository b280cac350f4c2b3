/**
 * A door that asks who comes, and lets in by the table of rules.
 *
 *  1. What has no rule is not there (`routesWithoutRule`): the door itself says so, to whoever is known.
 *  2. Who is limited to databases asks for the topologies of these names alone; SQL is held to them by the engine.
 *  3. A browser sends a password along with whatever another site's page makes it send: such a request changes nothing.
 *  4. Refusals are recorded with the name that was tried, and never with a password. A request that names nobody is asked
 *     for credentials and is not recorded: browsers and many clients begin so.
 */
import { Hono } from 'hono'
import type { Context } from 'hono'
import type { AuditLog } from '../audit/audit-log.ts'
import { addressOf } from '../audit/audited.ts'
import { bindingsWith, type Access, type Principal } from './access.ts'
import { credentialsOf, type Credentials } from './credentials.ts'
import { refusalForms, type Refusal } from './refusals.ts'
import { rolesWith, rules, type Door, type Right } from './roles.ts'

export interface GuardedOptions {
  readonly door: Door
  readonly access: Access
  readonly audit: Pick<AuditLog, 'record'>
}

/** Of a name that was tried. */
const nameLengthMax = 100

export function guarded(inner: Hono, options: GuardedOptions): Hono {
  const outer = new Hono()
  for (const [method, path, right] of rules[options.door]) {
    outer.on(method, path, async (context) => {
      if (right === 'open') return inner.fetch(context.req.raw, context.env)
      return letIn(inner, options, context, right)
    })
  }
  outer.all('*', (context) => letIn(inner, options, context, null))
  return outer
}

/** @param right null: whoever is known */
async function letIn(
  inner: Hono,
  { door, access, audit }: GuardedOptions,
  context: Context,
  right: Right | null,
): Promise<Response> {
  const credentials = credentialsOf(context.req.raw, door)
  const found = credentials === null ? null : await access.identify(credentials)
  const principal = found === 'busy' ? null : found
  const nobody = credentials === null ? nameless : found === 'busy' ? busy : unknown
  const refusal = principal === null ? nobody : refusalOf(context, principal, right)
  if (refusal === null) return inner.fetch(context.req.raw, bindingsWith(context, principal))
  const { response, outcome } = refusalForms[door](context, refusal)
  if (credentials !== null) {
    audit.record({
      door,
      user: principal?.name ?? null,
      ...(principal === null ? { tried: triedName(credentials) } : {}),
      address: addressOf(context),
      asked: `${context.req.method} ${context.req.path}`,
      outcome,
    })
  }
  return response
}

function triedName(credentials: Credentials): string {
  if (credentials.kind === 'peer') return '(instance)'
  return credentials.name.slice(0, nameLengthMax)
}

const nameless: Refusal = {
  status: 401,
  message: 'say who asks, by a user and a password (HTTP Basic)',
}

const unknown: Refusal = {
  status: 401,
  message: 'who asks is not known: there is no such user, or the password is another',
}

const busy: Refusal = {
  status: 503,
  message: 'too many passwords are being checked; try again',
}

function refusalOf(
  context: Context,
  { name, roles, rights, databases }: Principal,
  right: Right | null,
): Refusal | null {
  if (right !== null && !rights.has(right)) {
    const wanted = rolesWith(right)
    const needs =
      wanted.length === 0
        ? 'is for instances of the cluster among themselves'
        : `needs the role ${wanted.join(' or ')}; ${name} has ${roles.join(', ') || 'none'}`
    return { status: 403, message: `${context.req.method} ${context.req.path} ${needs}` }
  }
  const topology = context.req.param('topology')
  if (databases !== null && topology !== undefined && !databases.includes(databaseOf(topology))) {
    const limit = `${name} reads ${databases.join(', ')} and nothing else`
    return { status: 403, message: `${context.req.path}: ${limit}` }
  }
  if (!isFromAnotherSite(context)) return null
  return { status: 403, message: 'a page of another site may not change anything here' }
}

/** A topology's tables are in the database of its name. */
function databaseOf(topology: string): string {
  return topology.replaceAll('-', '_')
}

function isFromAnotherSite(context: Context): boolean {
  const { method } = context.req
  if (method === 'GET' || method === 'HEAD') return false
  const site = context.req.header('sec-fetch-site') ?? 'none'
  return site !== 'none' && site !== 'same-origin'
}
