/**
 * Who may do what: roles to rights, and the right that each request of each door needs. The doors, docs/access.md and the
 * tests read these tables; a door whose route has no rule does not start.
 */

export type Right = keyof typeof rights

/** What each lets one do. */
export const rights = {
  status: 'state, metrics, topologies and jobs of the instance',
  schemas: 'schemas, looked up and compared',
  read: 'facts by SQL, and the stores of topologies',
  produce: 'records into topics, and the runs that record it',
  operate: 'jobs, redrive, and records of topics as they are',
  administer: 'schemas and their configuration, changed',
  peer: 'what instances of a cluster ask each other',
} as const

export type Role = keyof typeof roles

export const roles = {
  monitor: ['status'],
  reader: ['status', 'schemas', 'read'],
  producer: ['status', 'schemas', 'produce'],
  operator: ['status', 'schemas', 'read', 'operate'],
  admin: ['status', 'schemas', 'read', 'produce', 'operate', 'administer'],
} as const satisfies Record<string, readonly Right[]>

/** No user has them: instances show that they are of one cluster by a secret that they share. */
export const peerRights: readonly Right[] = ['status', 'peer']

export const roleNames = Object.keys(roles) as Role[]

export function rightsOf(given: readonly Role[]): ReadonlySet<Right> {
  return new Set(given.flatMap((role): readonly Right[] => roles[role]))
}

export function rolesWith(right: Right): readonly Role[] {
  return roleNames.filter((role) => (roles[role] as readonly Right[]).includes(right))
}

export type Door = 'console' | 'registry' | 'ingest' | 'sql'
/** `HEAD` goes with `GET`. `open` needs nobody to say who they are. */
export type Rule = readonly [method: string, path: string, right: Right | 'open']

export const rules: Readonly<Record<Door, readonly Rule[]>> = {
  console: [
    ['GET', '/healthz', 'open'],
    ['GET', '/readyz', 'open'],
    ['GET', '/', 'status'],
    ['GET', '/metrics', 'status'],
    ['GET', '/api/status', 'status'],
    ['GET', '/api/idle', 'status'],
    ['GET', '/api/topologies/:name', 'status'],
    ['GET', '/api/replays', 'status'],
    ['GET', '/api/jobs', 'status'],
    ['POST', '/api/jobs/:name', 'operate'],
    ['POST', '/api/quarantine/redrive', 'operate'],
    ['GET', '/api/topics/:topic/records', 'operate'],
    ['POST', '/api/runs', 'produce'],
    ['POST', '/api/runs/:id', 'produce'],
    ['GET', '/topologies/:topology/stores', 'read'],
    ['GET', '/topologies/:topology/hosts', 'read'],
    ['GET', '/topologies/:topology/stores/:store/keys/:key', 'read'],
    ['GET', '/topologies/:topology/stores/:store/range', 'read'],
    ['GET', '/topologies/:topology/stores/:store/windows/:key', 'read'],
    ['GET', '/topologies/:topology/stores/:store/sessions/:key', 'read'],
    ['POST', '/topologies/:topology/stores/:store/read', 'peer'],
    ['GET', '/api/life', 'peer'],
  ],
  registry: [
    ['GET', '/', 'schemas'],
    ['GET', '/contexts', 'schemas'],
    ['GET', '/schemas', 'schemas'],
    ['GET', '/schemas/types', 'schemas'],
    ['GET', '/schemas/ids/:id', 'schemas'],
    ['GET', '/schemas/ids/:id/schema', 'schemas'],
    ['GET', '/schemas/ids/:id/subjects', 'schemas'],
    ['GET', '/schemas/ids/:id/versions', 'schemas'],
    ['GET', '/subjects', 'schemas'],
    ['POST', '/subjects/:subject', 'schemas'],
    ['DELETE', '/subjects/:subject', 'administer'],
    ['GET', '/subjects/:subject/versions', 'schemas'],
    ['POST', '/subjects/:subject/versions', 'administer'],
    ['GET', '/subjects/:subject/versions/:version', 'schemas'],
    ['DELETE', '/subjects/:subject/versions/:version', 'administer'],
    ['GET', '/subjects/:subject/versions/:version/schema', 'schemas'],
    ['GET', '/subjects/:subject/versions/:version/referencedby', 'schemas'],
    ['POST', '/compatibility/subjects/:subject/versions', 'schemas'],
    ['POST', '/compatibility/subjects/:subject/versions/:version', 'schemas'],
    ['GET', '/config', 'schemas'],
    ['PUT', '/config', 'administer'],
    ['DELETE', '/config', 'administer'],
    ['GET', '/config/:subject', 'schemas'],
    ['PUT', '/config/:subject', 'administer'],
    ['DELETE', '/config/:subject', 'administer'],
    ['GET', '/mode', 'schemas'],
    ['PUT', '/mode', 'administer'],
    ['GET', '/mode/:subject', 'schemas'],
    ['PUT', '/mode/:subject', 'administer'],
  ],
  ingest: [
    ['GET', '/', 'produce'],
    ['GET', '/topics', 'produce'],
    ['GET', '/topics/:topic', 'produce'],
    ['POST', '/topics/:topic', 'produce'],
    ['POST', '/topics/:topic/partitions/:partition', 'produce'],
  ],
  sql: [
    ['GET', '/ping', 'open'],
    ['GET', '/replicas_status', 'open'],
    ['GET', '/', 'read'],
    ['POST', '/', 'read'],
    ['GET', '/query', 'read'],
    ['POST', '/query', 'read'],
  ],
}

/** What is there and has no rule; `ALL /*` is what stands before routes. */
export function routesWithoutRule(
  door: Door,
  routes: readonly { readonly method: string; readonly path: string }[],
): readonly string[] {
  const known = new Set(rules[door].map(([method, path]) => `${method} ${path}`))
  const found = routes.filter(({ method, path }) => !(method === 'ALL' && path === '/*'))
  return [...new Set(found.map(({ method, path }) => `${method} ${path}`))].filter(
    (route) => !known.has(route),
  )
}
