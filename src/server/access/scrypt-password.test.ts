import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Access } from './access.ts'
import { makeScryptHash, readScryptHash, ScryptPassword, ScryptQueue } from './scrypt-password.ts'

/** RFC 7914, section 12. */
const published = {
  ...{ N: 16_384, r: 8, p: 1, salt: Buffer.from('SodiumChloride') },
  hash: Buffer.from(
    '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2' +
      'd5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
    'hex',
  ),
}

class CountingQueue extends ScryptQueue {
  count = 0

  override run<T>(check: () => Promise<T>): Promise<T> | null {
    this.count += 1
    return super.run(check)
  }
}

test('the published password is right, and is hashed once; others are wrong before and after', async () => {
  const queue = new CountingQueue()
  const password = new ScryptPassword(published, queue)
  assert.equal(await password.isRight('pleaseletmeout'), false)
  assert.equal(queue.count, 1)
  assert.equal(await password.isRight('pleaseletmein'), true)
  assert.equal(queue.count, 2)
  assert.equal(await password.isRight('pleaseletmein'), true)
  assert.equal(await password.isRight('pleaseletmeout'), false)
  assert.equal(await password.isRight(''), false)
  assert.equal(queue.count, 2)
})

test('other work goes on while a password is checked', async () => {
  const password = new ScryptPassword(published, new ScryptQueue())
  const checked = password.isRight('pleaseletmein')
  const first = await Promise.race([
    checked.then(() => 'the check'),
    new Promise((resolve) => setImmediate(resolve, 'other work')),
  ])
  assert.equal(first, 'other work')
  assert.equal(await checked, true)
})

test('passwords are checked one at a time, and more than may wait are told to come again', async () => {
  const queue = new ScryptQueue()
  let running = 0
  let runningMost = 0
  const opened = Promise.withResolvers<undefined>()
  const check = async () => {
    running += 1
    runningMost = Math.max(runningMost, running)
    await opened.promise
    running -= 1
  }
  const taken = Array.from({ length: 32 }, () => queue.run(check))
  assert.ok(taken.every((one) => one !== null))
  assert.equal(queue.run(check), null)
  const access = new ScryptPassword(published, queue)
  assert.equal(await access.isRight('pleaseletmein'), 'busy')
  opened.resolve(undefined)
  await Promise.all(taken)
  assert.equal(runningMost, 1)
  assert.equal(await access.isRight('pleaseletmein'), true)
})

test('a check that fails ends none of those behind it', async () => {
  const queue = new ScryptQueue()
  const failing = queue.run(() => Promise.reject(new Error('no memory')))
  const next = queue.run(() => Promise.resolve(7))
  await assert.rejects(failing ?? Promise.resolve(), /no memory/)
  assert.equal(await next, 7)
})

test('a password is kept with a salt of its own, and found again', async () => {
  const [one, other] = [await makeScryptHash('geheim:ß'), await makeScryptHash('geheim:ß')]
  assert.notEqual(one, other)
  const passwordScrypt = readScryptHash(one)
  assert.ok(passwordScrypt)
  const access = new Access([{ name: 'ann', roles: ['reader'], databases: null, passwordScrypt }])
  const found = await access.identify({ kind: 'user', name: 'ann', password: 'geheim:ß' })
  assert.ok(found !== null && found !== 'busy')
  assert.equal(found.name, 'ann')
  assert.equal(await access.identify({ kind: 'user', name: 'ann', password: 'geheim' }), null)
})

test('parameters that protect nothing, or take too much, are none', () => {
  const salt = Buffer.alloc(16).toString('base64')
  const hash = Buffer.alloc(32).toString('base64')
  const of = (N: number, r: number, p: number, salted = salt, hashed = hash) =>
    readScryptHash(['scrypt', N, r, p, salted, hashed].join('$'))
  assert.equal(of(32_768, 8, 3)?.N, 32_768)
  assert.ok(of(16_384, 8, 1))
  assert.ok(of(131_072, 8, 1))
  const short = Buffer.alloc(15).toString('base64')
  const long = Buffer.alloc(65).toString('base64')
  const wrong = [
    of(8_192, 8, 1),
    of(30_000, 8, 1),
    of(262_144, 8, 1),
    of(131_072, 16, 1),
    of(16_384, 4, 1),
    of(16_384, 33, 1),
    of(16_384, 8, 0),
    of(16_384, 8, 17),
    of(32_768, 8, 3, short),
    of(32_768, 8, 3, long),
    of(32_768, 8, 3, salt, short),
    of(32_768, 8, 3, salt, long),
    readScryptHash(`bcrypt$32768$8$3$${salt}$${hash}`),
    readScryptHash(`scrypt$32768$8$3$${salt}`),
    readScryptHash(''),
  ]
  assert.deepEqual(new Set(wrong), new Set([null]))
})
