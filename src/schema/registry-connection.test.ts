import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { HttpSchemaRegistry } from './http-schema-registry.ts'
import { openRegistryDoor, type RegistryDoor } from './registry-door.test-support.ts'

let one: RegistryDoor
let two: RegistryDoor

beforeEach(async () => {
  one = await openRegistryDoor()
  two = await openRegistryDoor()
})
afterEach(async () => {
  await one.stop()
  await two.stop()
})

test('of several addresses the next is asked where one is gone or in trouble, and stays the first', async () => {
  const registry = new HttpSchemaRegistry({ url: [one.url, two.url] })
  await registry.subjects()
  assert.deepEqual(two.requests, [])
  one.answerWith = 503
  await registry.subjects()
  await registry.subjects()
  assert.equal(one.requests.length, 2)
  assert.equal(two.requests.length, 2)
  one.answerWith = null
  await two.stop()
  assert.deepEqual(await registry.subjects(), [])
  await two.restart()
  registry.close()
})

test('where none answers, every address is named with its reason', async () => {
  one.answerWith = 500
  await two.stop()
  const registry = new HttpSchemaRegistry({ url: [one.url, two.url] })
  await assert.rejects(registry.subjects(), ({ message }: Error) => {
    assert.match(message, new RegExp(`GET ${one.url}/subjects answered 500: trouble`))
    assert.match(message, new RegExp(`${two.url}/subjects: ECONNREFUSED`))
    return true
  })
  await two.restart()
  registry.close()
})

test('a registry in trouble is asked again, a bounded number of times', async () => {
  const clock = new ManualClock()
  const retry = { clock, roundsMax: 3, firstMs: 100 }
  const registry = new HttpSchemaRegistry({ url: one.url, retry })
  one.answerWith = 503
  const outcome = { settled: false }
  const asked = assert
    .rejects(registry.subjects(), { code: 'REGISTRY_UNREACHABLE' })
    .finally(() => {
      outcome.settled = true
    })
  // The clock moves while the requests are under way: no pause is ever waited for.
  while (!outcome.settled) {
    clock.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await asked
  assert.equal(one.requests.length, 3)
  registry.close()
})

for (const [name, given, expected] of [
  ['basic', { kind: 'basic', user: 'me', password: 'ü:2' }, 'Basic bWU6w7w6Mg=='],
  ['bearer', { kind: 'bearer', token: 'abc' }, 'Bearer abc'],
] as const) {
  test(`${name} authentication is sent, and refused credentials are told without them`, async () => {
    one.authorization = expected
    const registry = new HttpSchemaRegistry({ url: one.url, authentication: given })
    assert.deepEqual(await registry.subjects(), [])
    one.authorization = 'other'
    await assert.rejects(registry.subjects(), ({ message }: Error) => {
      assert.match(message, /refuses the credentials/)
      assert.doesNotMatch(message, /abc|ü:2|bWU6/)
      return true
    })
    registry.close()
  })
}

test('credentials in the address are used and never told', async () => {
  one.authorization = `Basic ${Buffer.from('me:hidden').toString('base64')}`
  const registry = new HttpSchemaRegistry({ url: one.url.replace('//', '//me:hidden@') })
  assert.deepEqual(await registry.subjects(), [])
  one.answerWith = 500
  await assert.rejects(registry.subjects(), ({ message }: Error) => !message.includes('hidden'))
  registry.close()
})

test('TLS: a certificate is trusted by the authority that is named, and by no other', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-tls-'))
  context.after(() => {
    rmSync(directory, { recursive: true })
  })
  const key = join(directory, 'key.pem')
  const certificate = join(directory, 'certificate.pem')
  const words = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1`
  try {
    execFileSync('openssl', [...words.split(' '), '-keyout', key, '-out', certificate], {
      stdio: 'ignore',
    })
  } catch {
    context.skip('openssl, which makes the certificate, is not installed')
    return
  }
  const ca = readFileSync(certificate, 'utf8')
  const server = createServer({ key: readFileSync(key), cert: ca }, (_, response) => {
    response.end('[]')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const trusting = new HttpSchemaRegistry({ url, tlsCa: ca })
  const strange = new HttpSchemaRegistry({ url })
  assert.deepEqual(await trusting.subjects(), [])
  await assert.rejects(strange.subjects(), /SELF_SIGNED_CERT/)
  trusting.close()
  strange.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})
