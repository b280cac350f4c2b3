import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { inspect } from 'node:util'
import { TidemarkError } from '../../core/errors.ts'
import { sha256 } from '../../server/access/access.ts'
import { makeScryptHash } from '../../server/access/scrypt-password.ts'
import { loadConfiguration, type ConfigurationInput } from '../configuration.ts'
import { accessOf, commandHeaders, peerHeaders } from './authorization.ts'

const onCluster = {
  KAFKA_BOOTSTRAP_SERVERS: 'one:9092',
  SCHEMA_REGISTRY_URL: 'http://registry:8081',
  CLICKHOUSE_URL: 'http://clickhouse:8123',
}

function stage(t: TestContext, users: string, files: Readonly<Record<string, string>> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-users-'))
  t.after(() => {
    rmSync(directory, { recursive: true })
  })
  const usersFile = join(directory, 'users.yaml')
  for (const [name, content] of Object.entries({ 'users.yaml': users, ...files })) {
    writeFileSync(join(directory, name), content)
  }
  const load = (environment: ConfigurationInput['environment'] = {}) =>
    loadConfiguration({
      flags: { 'access.usersFile': usersFile },
      environment,
      directory,
    })
  const faults = (environment: ConfigurationInput['environment'] = {}) => {
    try {
      load(environment)
    } catch (thrown) {
      assert.ok(thrown instanceof TidemarkError)
      assert.doesNotMatch(thrown.message, /hidden/)
      return thrown.message.replaceAll('flag --access-users-file: ', '').split('\n  ').slice(1)
    }
    return []
  }
  return { directory, load, faults }
}

const hash = (password: string) => sha256(password).toString('hex')

test('passwords come hashed, from a file beside the users’ or from the environment', async (t) => {
  const kept = await makeScryptHash('hidden-4')
  const { load } = stage(
    t,
    `users:
  - { name: ann, roles: admin, passwordSha256: ${hash('hidden-1').toUpperCase()} }
  - { name: bob, roles: [reader, producer], databases: [mcq, exam_scores], passwordFile: bob }
  - { name: cid, roles: [monitor], passwordVariable: CIDS }
  - { name: dan, roles: reader, passwordScrypt: ${kept} }
`,
    { bob: 'hidden-2\n' },
  )
  const configuration = load({ CIDS: 'hidden-3' })
  const access = configuration.access
  assert.ok(access)
  const known = accessOf(access)
  const as = async (name: string, password: string) => {
    const found = await known.identify({ kind: 'user', name, password })
    assert.notEqual(found, 'busy')
    return found === 'busy' ? null : found
  }
  assert.deepEqual((await as('ann', 'hidden-1'))?.roles, ['admin'])
  assert.deepEqual((await as('bob', 'hidden-2'))?.databases, ['mcq', 'exam_scores'])
  assert.deepEqual((await as('cid', 'hidden-3'))?.roles, ['monitor'])
  assert.deepEqual((await as('dan', 'hidden-4'))?.roles, ['reader'])
  assert.equal(await as('dan', 'hidden-3'), null)
  assert.equal(await as('bob', 'hidden-2\n'), null)
  for (const printed of [JSON.stringify(configuration), inspect(configuration, { depth: 9 })]) {
    for (const text of ['hidden', kept, hash('hidden-2'), hash('hidden-1').toUpperCase()]) {
      assert.ok(!printed.includes(text), text)
    }
  }
})

test('all that is wrong with all users is told at once, and no password', (t) => {
  const { faults } = stage(
    t,
    `users:
  - { name: ann, roles: queen, passwordFile: absent }
  - { name: ann, roles: [], passwordFile: empty }
  - { name: 'a:b', role: reader, passwordVariable: NOWHERE }
  - { name: bob, roles: reader, password: hidden-1 }
  - { name: cid, roles: reader, passwordSha256: hidden-2, passwordFile: empty }
  - { name: dan, roles: reader, passwordSha256: hidden-3 }
  - { name: eve, roles: operator, databases: mcq, passwordSha256: ${hash('')} }
  - { name: fay, roles: producer, databases: [mcq], passwordSha256: 1234567890 }
  - { name: hal, roles: reader, passwordScrypt: hidden-4 }
  - { name: gus, roles: reader, databases: ['mcq.*'], passwordSha256: ${hash('x')} }
  - 5
`,
    { empty: '' },
  )
  const roles = 'expected one or more of monitor, reader, producer, operator, admin'
  const kinds = 'passwordSha256, passwordScrypt, passwordFile, passwordVariable'
  const found = faults()
  assert.match(found[1] ?? '', /^user 1 \(ann\): passwordFile: cannot be read: ENOENT/)
  assert.deepEqual(found.toSpliced(1, 1), [
    `user 1 (ann): roles: ${roles}, found "queen"`,
    `user 2 (ann): roles: ${roles}`,
    'user 2 (ann): passwordFile: the password is empty',
    'user 3 (a:b): role: unknown; did you mean roles?',
    'user 3 (a:b): name: expected up to 100 characters without a colon',
    `user 3 (a:b): roles: ${roles}`,
    'user 3 (a:b): passwordVariable: the environment has no NOWHERE',
    `user 4 (bob): password: is not written here; give one of ${kinds}`,
    `user 4 (bob): expected one of ${kinds}`,
    `user 5 (cid): expected one of ${kinds}`,
    'user 6 (dan): passwordSha256: expected 64 hexadecimal digits',
    'user 7 (eve): databases: operator sees all of them; limit readers',
    'user 7 (eve): passwordSha256: of an empty password',
    'user 8 (fay): databases: say nothing of who may not read',
    'user 8 (fay): passwordSha256: expected text; put it in quotes',
    'user 9 (hal): passwordScrypt: expected what tidemark access hash prints',
    'user 10 (gus): databases: expected one or more names of databases, found "mcq.*"',
    'user 11: expected keys and values',
    'two users are called "ann"',
  ])
})

test('a file without users, or that is none, is refused', (t) => {
  for (const content of ['', 'users: []', 'users: { ann: admin }', '- ann']) {
    assert.deepEqual(stage(t, content).faults(), ['expected a list of users under users:'])
  }
  const broken = stage(t, 'users: [{ name: ann, passwordSha256: hidden')
  assert.match(broken.faults().join('\n'), /^Flow map .* at line 1, column 44:$/)
  const wrong = { flags: { 'access.usersFile': '/nowhere/users' }, environment: {}, directory: '/' }
  assert.throws(() => loadConfiguration(wrong), /--access-users-file: cannot be read: ENOENT/)
})

test('on a cluster instances need a secret among them, and readers are limited by the server', (t) => {
  const one = `users: [{ name: ann, roles: reader, passwordSha256: ${hash('x')} }]`
  const { faults, load } = stage(t, one, { peers: 'hidden-secret-of-peers\n' })
  assert.deepEqual(faults(onCluster), [
    'access.peerSecret: missing; access.usersFile on a cluster needs it',
  ])
  assert.deepEqual(faults({ ...onCluster, TIDEMARK_ACCESS_PEER_SECRET: 'hidden' }), [
    'environment TIDEMARK_ACCESS_PEER_SECRET: expected 16 or more letters, digits and signs of ASCII, without spaces',
  ])
  const secret = { ...onCluster, TIDEMARK_ACCESS_PEER_SECRET: 'hidden-secret-of-peers' }
  assert.deepEqual(peerHeaders(load(secret)), { authorization: 'Bearer hidden-secret-of-peers' })
  assert.deepEqual(peerHeaders(load()), {})
  const limited = stage(t, one.replace('roles', 'databases: mcq, roles')).faults(secret)
  assert.match(limited.join('\n'), /^databases: on a cluster the ClickHouse server decides/)
  const alone = { flags: {}, environment: secret, directory: '/' }
  assert.throws(() => loadConfiguration(alone), /access\.usersFile: missing: the secret of peers/)
})

test('a command is a user with a password, both or neither', (t) => {
  const { load, faults } = stage(
    t,
    `users: [{ name: ann, roles: reader, passwordSha256: ${hash('x')} }]`,
  )
  const headers = commandHeaders(load({ TIDEMARK_USER: 'ann', TIDEMARK_PASSWORD: 'hidden:ß' }))
  const expected = `Basic ${Buffer.from('ann:hidden:ß').toString('base64')}`
  assert.deepEqual(headers, { authorization: expected })
  assert.deepEqual(commandHeaders(load()), {})
  assert.deepEqual(faults({ TIDEMARK_USER: 'ann' }), ['password: missing; user needs it'])
  assert.deepEqual(faults({ TIDEMARK_PASSWORD: 'hidden' }), [
    'user: missing: the password needs one',
  ])
})
