/**
 * Passwords that people think of, kept as scrypt with a salt: `scrypt$N$r$p$SALT$HASH`, both in base64.
 *
 *  1. The slow hash is computed off the event loop, and one at a time in the process: whoever tries passwords gets one
 *     thread and no more. How many wait is bounded.
 *  2. The first password that is right is remembered as an HMAC under a key of this process. From then on each request
 *     costs an HMAC, and any other password is wrong by that.
 */
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

export interface ScryptHash {
  readonly N: number
  readonly r: number
  readonly p: number
  readonly salt: Buffer
  readonly hash: Buffer
}

/** 32 MiB and about 0.2 s. */
const cost = { N: 2 ** 15, r: 8, p: 3 }
const saltBytes = 16
const hashBytes = 32
/** Less protects nothing; more lets a file of users take the memory or the seconds of an instance. */
const limits = { nMin: 2 ** 14, rMax: 32, pMax: 16, bytesMax: 128 * 1024 * 1024, bytesEachMax: 64 }
const waitingMax = 32

export async function makeScryptHash(password: string): Promise<string> {
  const salt = randomBytes(saltBytes)
  const hash = await derive(password, { ...cost, salt, hash: Buffer.alloc(hashBytes) })
  const { N, r, p } = cost
  return ['scrypt', N, r, p, salt.toString('base64'), hash.toString('base64')].join('$')
}

/** Null where it is none, or its parameters are not ones to take. */
export function readScryptHash(text: string): ScryptHash | null {
  const match = /^scrypt\$(\d{1,9})\$(\d{1,3})\$(\d{1,3})\$([\w+/]+=*)\$([\w+/]+=*)$/.exec(text)
  if (match === null) return null
  const [N = 0, r = 0, p = 0] = match.slice(1, 4).map(Number)
  const [salt = Buffer.alloc(0), hash = Buffer.alloc(0)] = match
    .slice(4)
    .map((part) => Buffer.from(part, 'base64'))
  const isPower = Number.isInteger(Math.log2(N))
  const isTaken =
    N >= limits.nMin && isPower && r >= 8 && r <= limits.rMax && p >= 1 && p <= limits.pMax
  const isBounded = 128 * N * r <= limits.bytesMax
  const areWhole =
    salt.length >= saltBytes &&
    hash.length >= hashBytes &&
    Math.max(salt.length, hash.length) <= limits.bytesEachMax
  return isTaken && isBounded && areWhole ? { N, r, p, salt, hash } : null
}

function derive(password: string, { N, r, p, salt, hash }: ScryptHash): Promise<Buffer> {
  const maxmem = 2 * 128 * N * r
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hash.length, { N, r, p, maxmem }, (error, derived) => {
      if (error === null) resolve(derived)
      else reject(error)
    })
  })
}

/** Slow checks of all users, one after another. */
export class ScryptQueue {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** Null where too many wait. */
  run<T>(check: () => Promise<T>): Promise<T> | null {
    if (this.#waiting >= waitingMax) return null
    this.#waiting += 1
    const result = this.#last.then(check).finally(() => {
      this.#waiting -= 1
    })
    this.#last = result.catch(() => undefined)
    return result
  }
}

const processKey = randomBytes(32)

export class ScryptPassword {
  readonly #kept: ScryptHash
  readonly #queue: ScryptQueue
  #accepted: Buffer | null = null

  constructor(kept: ScryptHash, queue: ScryptQueue) {
    this.#kept = kept
    this.#queue = queue
  }

  /** `busy` where too many others are being checked. */
  async isRight(password: string): Promise<boolean | 'busy'> {
    if (password === '') return false
    const digest = createHmac('sha256', processKey).update(password).digest()
    if (this.#accepted !== null) return timingSafeEqual(digest, this.#accepted)
    const checked = this.#queue.run(async () => {
      // Those that waited with the same password have their answer from the first.
      if (this.#accepted !== null) return timingSafeEqual(digest, this.#accepted)
      const isRight = timingSafeEqual(await derive(password, this.#kept), this.#kept.hash)
      if (isRight) this.#accepted = digest
      return isRight
    })
    return checked === null ? 'busy' : await checked
  }
}
