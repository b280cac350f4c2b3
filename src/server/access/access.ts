/** The users of an instance, and who of them a request is from. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context } from 'hono'
import type { Credentials } from './credentials.ts'
import { peerRights, rightsOf, type Right, type Role } from './roles.ts'
import { ScryptPassword, ScryptQueue, type ScryptHash } from './scrypt-password.ts'

export type KeptPassword =
  { readonly passwordSha256: Buffer } | { readonly passwordScrypt: ScryptHash }

export type AccessUser = KeptPassword & {
  readonly name: string
  readonly roles: readonly Role[]
  /** What they may read of; null: all. */
  readonly databases: readonly string[] | null
}

/** Who has proved to be one. */
export interface Principal {
  readonly name: string
  readonly roles: readonly Role[]
  readonly rights: ReadonlySet<Right>
  readonly databases: readonly string[] | null
}

const peer: Principal = {
  name: '(instance)',
  roles: [],
  rights: new Set(peerRights),
  databases: null,
}

interface KnownUser {
  readonly principal: Principal
  readonly password: Buffer | ScryptPassword
}

export class Access {
  readonly #users: ReadonlyMap<string, KnownUser>
  readonly #peerDigest: Buffer | null
  /** What a password of nobody is compared with, so that it takes as long. */
  readonly #nobody = randomBytes(32)

  constructor(users: readonly AccessUser[], peerSecret: string | null = null) {
    const queue = new ScryptQueue()
    this.#users = new Map(
      users.map(({ name, roles, databases, ...kept }) => {
        const principal = { name, roles, rights: rightsOf(roles), databases }
        const password =
          'passwordSha256' in kept
            ? kept.passwordSha256
            : new ScryptPassword(kept.passwordScrypt, queue)
        return [name, { principal, password }]
      }),
    )
    this.#peerDigest = peerSecret === null ? null : sha256(peerSecret)
  }

  /** Null where the user is unknown or the password is wrong, which nobody is told apart; `busy` where it cannot be said
   * now. */
  async identify(credentials: Credentials): Promise<Principal | null | 'busy'> {
    if (credentials.kind === 'peer') {
      const isPeer = timingSafeEqual(sha256(credentials.secret), this.#peerDigest ?? this.#nobody)
      return isPeer ? peer : null
    }
    const user = this.#users.get(credentials.name)
    if (user?.password instanceof ScryptPassword) {
      const isRight = await user.password.isRight(credentials.password)
      return isRight === 'busy' ? isRight : isRight ? user.principal : null
    }
    const isRight = timingSafeEqual(sha256(credentials.password), user?.password ?? this.#nobody)
    return user !== undefined && isRight ? user.principal : null
  }
}

export function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Whom ClickHouse's clients name by themselves; where no users are set up, all who ask are. */
export const accessOfDefault = new Access([
  { name: 'default', passwordSha256: sha256(''), roles: ['reader'], databases: null },
])

/** Null where nobody has to say who they are. */
export function principalOf(context: Context): Principal | null {
  const bindings = context.env as { readonly principal?: Principal } | undefined
  return bindings?.principal ?? null
}

/** The bindings of a request for the door behind the guard. */
export function bindingsWith(context: Context, principal: Principal | null): object {
  return { ...(context.env as object | undefined), principal }
}
