/** An instance with users, in a process of its own: its four doors, its commands, and what it records. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createClient } from '@clickhouse/client'
import { sha256 } from '../../src/server/access/access.ts'
import { basicAuthorization } from '../../src/server/access/credentials.ts'
import { roleNames, roles, rules, type Door, type Right } from '../../src/server/access/roles.ts'
import { InstanceProcess, killAllInstances } from './support/instance-process.ts'
import { runCommand } from './support/run-command.ts'
import { freePortOffset } from './support/free-port-offset.ts'

const directory = mkdtempSync(join(tmpdir(), 'tidemark-access-'))
const dataDir = join(directory, 'data')
const usersFile = join(directory, 'users.yaml')
const place = ['--data-dir', dataDir]
const score = { exam: 3, studentId: 'foo', score: 0.991 }
let instance: InstanceProcess

before(async () => {
  writeFileSync(
    usersFile,
    `users:
${roleNames.map((role) => `  - { name: ${role}, roles: ${role}, passwordSha256: ${sha256(passwordOf(role)).toString('hex')} }`).join('\n')}
  - { name: limited, roles: [reader], databases: [exam_scores], passwordFile: limited-password }
  - { name: person, roles: monitor, passwordScrypt: '${scryptOf(passwordOf('person'))}' }
  - { name: stranger, roles: reader, databases: mcq, passwordVariable: STRANGER_PASSWORD }
`,
  )
  writeFileSync(join(directory, 'limited-password'), `${passwordOf('limited')}\n`)
  instance = new InstanceProcess({
    dataDir,
    portOffset: await freePortOffset(),
    words: ['--topologies', 'exam-scores', '--access-users-file', usersFile],
    environment: { STRANGER_PASSWORD: passwordOf('stranger') },
  })
  await instance.ready()
})
after(async () => {
  await killAllInstances()
  rmSync(directory, { recursive: true, force: true })
})

function passwordOf(user: string): string {
  return `hidden-ß-of-${user}`
}

/** As the command makes it. */
function scryptOf(password: string): string {
  const program = fileURLToPath(new URL('../../bin/tidemark.js', import.meta.url))
  const words = [program, 'access', 'hash']
  return execFileSync(process.execPath, words, { input: `${password}\n`, encoding: 'utf8' }).trim()
}

function portOf(door: Door) {
  return door === 'sql' ? 'clickhouse' : door
}

function as(user: string, password = passwordOf(user)): Record<string, string> {
  return { authorization: basicAuthorization(user, password) }
}

async function ask(
  door: Door,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Response> {
  const withBody = method === 'POST' || method === 'PUT' ? { body: body ?? '{}' } : {}
  const type = { 'content-type': 'application/json' }
  const init = { method, headers: { ...type, ...headers }, ...withBody }
  return fetch(instance.url(portOf(door), path), init)
}

async function statusOf(...asked: Parameters<typeof ask>): Promise<number> {
  const response = await ask(...asked)
  await response.body?.cancel()
  return response.status
}

/** What may be asked at the rule's path, with effect on nothing. */
function pathOf(path: string): string {
  const full = path.replace(':topology', 'exam-scores').replaceAll(/:\w+/g, 'nobody')
  return path === '/api/idle' ? `${full}?timeout_ms=0` : full
}

test('each request of each door is answered to the roles that may, and refused to the others', async () => {
  const wrong: string[] = []
  for (const [door, all] of Object.entries(rules) as [Door, typeof rules.console][]) {
    for (const [method, path, right] of all) {
      const see = async (who: string, headers: Record<string, string>, expected: number | null) => {
        const status = await statusOf(door, method, pathOf(path), headers)
        const isAsExpected =
          expected === null ? status !== 401 && status !== 403 : status === expected
        if (!isAsExpected) wrong.push(`${door} ${method} ${path} as ${who}: ${status}`)
      }
      await see('nobody', {}, right === 'open' ? null : 401)
      await see(
        'a peer of another cluster',
        { authorization: 'Bearer guessed' },
        right === 'open' ? null : 401,
      )
      await see('admin, wrongly', as('admin', 'x'), right === 'open' ? null : 401)
      for (const role of roleNames) {
        const may = right === 'open' || (roles[role] as readonly Right[]).includes(right)
        await see(role, as(role), may ? null : 403)
      }
    }
  }
  assert.deepEqual(wrong, [])
})

test('a password that the command has hashed lets in, and others do not', async () => {
  const asked = (password: string) =>
    statusOf('console', 'GET', '/api/status', as('person', password))
  const right = passwordOf('person')
  assert.deepEqual(
    [await asked(`${right}.`), await asked(right), await asked(right), await asked('')],
    [401, 200, 200, 401],
  )
  const empty = await runCommand(['access', 'hash'])
  assert.deepEqual([empty.code, empty.stdout], [2, ''])
  assert.match(empty.stderr, /the password is empty/)
})

test('what is not there is told to who is known, and to nobody else', async () => {
  for (const door of Object.keys(rules) as Door[]) {
    assert.equal(await statusOf(door, 'GET', '/nowhere'), 401, door)
    assert.equal(await statusOf(door, 'GET', '/nowhere', as('monitor')), 404, door)
    assert.equal(await statusOf(door, 'DELETE', '/', as('monitor')), 404, door)
  }
})

test('a refusal says why in the form of its door, and asks for a password', async () => {
  const anonymous = await ask('registry', 'GET', '/subjects')
  assert.match(anonymous.headers.get('www-authenticate') ?? '', /^Basic realm="tidemark"/)
  assert.equal(((await anonymous.json()) as { error_code: number }).error_code, 40101)
  const ofRole = async (door: Door, method: string, path: string, role: string) =>
    (await ask(door, method, path, as(role))).text()
  assert.match(
    await ofRole('console', 'POST', '/api/jobs/lake.write', 'reader'),
    /"error":"POST \/api\/jobs\/lake\.write needs the role operator or admin; reader has reader","code":"ACCESS_REFUSED"/,
  )
  assert.match(
    await ofRole('registry', 'DELETE', '/subjects/x', 'producer'),
    /"error_code":40301,"message":"DELETE \/subjects\/x needs the role admin; producer has producer"/,
  )
  assert.match(
    await ofRole('ingest', 'POST', '/topics/exam_score', 'operator'),
    /"error_code":40301,"message":".* needs the role producer or admin/,
  )
  assert.match(
    await ofRole('sql', 'GET', '/?query=SELECT+1', 'producer'),
    /^Code: 497\. DB::Exception: Not enough privileges: GET \/ needs the role reader or operator or admin/,
  )
  assert.match(await (await ask('sql', 'GET', '/?query=SELECT+1')).text(), /^Code: 516\. /)
})

test('the SQL door knows users as ClickHouse’s clients name them', async () => {
  const url = instance.url('clickhouse')
  const client = createClient({ url, username: 'reader', password: passwordOf('reader') })
  const rows = await client.query({ query: 'SELECT currentDatabase() AS d', format: 'JSONEachRow' })
  assert.deepEqual(await rows.json(), [{ d: 'default' }])
  await client.close()
  const inUrl = new URLSearchParams({
    query: 'SELECT 7',
    user: 'reader',
    password: passwordOf('reader'),
  })
  assert.equal(await (await fetch(`${url}/?${inUrl.toString()}`)).text(), '7\n')
})

test('what a page of another site sends with a browser’s password changes nothing', async () => {
  const path = '/subjects/mine/versions'
  const schema = '{"schema":"\\"string\\""}'
  for (const site of ['cross-site', 'same-site']) {
    const headers = { ...as('admin'), 'sec-fetch-site': site }
    assert.equal(await statusOf('registry', 'POST', path, headers, schema), 403)
  }
  const own = { ...as('admin'), 'sec-fetch-site': 'same-origin' }
  assert.equal(await statusOf('registry', 'POST', path, own, schema), 200)
})

test('readers who are limited read their databases and the stores of their topologies alone', async () => {
  const sql = async (user: string, query: string) =>
    (await ask('sql', 'POST', '/', as(user), query)).text()
  const tables = 'SELECT count() FROM exam_scores.events'
  assert.match(await sql('limited', tables), /^\d+\n$/)
  assert.match(await sql('reader', 'SELECT count() FROM tidemark.runs'), /^\d+\n$/)
  assert.match(await sql('limited', 'SELECT count() FROM tidemark.runs'), /ACCESS_DENIED/)
  assert.match(await sql('stranger', tables), /ACCESS_DENIED/)
  assert.match(await sql('limited', 'SELECT query FROM system.processes'), /ACCESS_DENIED/)
  const stores = '/topologies/exam-scores/stores'
  assert.equal(await statusOf('console', 'GET', stores, as('limited')), 200)
  const refused = await ask('console', 'GET', stores, as('stranger'))
  assert.equal(refused.status, 403)
  assert.match(await refused.text(), /stranger reads mcq and nothing else/)
})

test('commands show who they are, by the environment or a file, and are refused without it', async () => {
  const passwordFile = join(directory, 'producer-password')
  writeFileSync(passwordFile, passwordOf('producer'))
  const events = join(directory, 'scores.jsonl')
  writeFileSync(events, `${JSON.stringify(score)}\n`)
  const user = (name: string) => ({ TIDEMARK_USER: name, TIDEMARK_PASSWORD: passwordOf(name) })
  const run = async (words: string[], environment: Record<string, string> = {}) => {
    const { code, stdout, stderr } = await runCommand([...words, ...place], environment)
    return { code, text: stdout + stderr }
  }
  const count = ['sql', 'SELECT count() AS scores FROM exam_scores.events', '--format', 'csv']
  const ingest = ['ingest', 'exam_score', events, '--wait', '--topologies', 'exam-scores']
  for (const words of [['status'], count, ingest, ['schemas', 'list'], ['quality', 'report']]) {
    const { code, text } = await run(words)
    assert.equal(code, 1, text)
    assert.match(text, /^ACCESS_REFUSED: .*set user and password, as TIDEMARK_USER/m)
  }
  const refused = await run(ingest, user('reader'))
  assert.match(refused.text, /^ACCESS_REFUSED: .* needs the role producer or admin/m)
  const taken = await run([...ingest, '--user', 'producer', '--password-file', passwordFile])
  assert.equal(taken.code, 0, taken.text)
  assert.equal((await run(['status'], user('monitor'))).code, 0)
  assert.match((await run(count, user('limited'))).text, /"scores"\n1\n/)
  assert.match((await run(['schemas', 'list'], user('reader'))).text, /exam_score-value/)
  const tail = ['tail', 'exam_score', '--from-beginning', '--max-messages', '1']
  assert.match((await run(tail, user('reader'))).text, /ACCESS_REFUSED/)
  assert.equal((await run(tail, user('operator'))).code, 0)
  assert.equal(
    (await run(['topology', 'diff', '--topologies', 'exam-scores'], user('reader'))).code,
    0,
  )
})

test('who asked and who was refused is recorded, and no password', async () => {
  await ask('console', 'GET', '/api/status', as('eve', 'hidden-guess'))
  await ask('ingest', 'POST', '/topics/exam_score', as('monitor'))
  await ask('console', 'POST', '/api/quarantine/redrive', as('operator'), '{"ids":["nobody"]}')
  await ask('registry', 'PUT', '/config', as('admin'), '{"compatibility":"FULL"}')
  await ask('sql', 'POST', '/', as('limited'), 'SELECT 12')
  assert.equal((await instance.end('SIGTERM')).code, 0, instance.output)
  const text = readFileSync(join(dataDir, 'audit.jsonl'), 'utf8')
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const last = lines.slice(-5).map(({ at: _, address: __, ...line }) => line)
  assert.deepEqual(last, [
    { door: 'console', user: null, tried: 'eve', asked: 'GET /api/status', outcome: '401' },
    { door: 'ingest', user: 'monitor', asked: 'POST /topics/exam_score', outcome: '403' },
    {
      door: 'console',
      user: 'operator',
      asked: 'POST /api/quarantine/redrive',
      request: { ids: ['nobody'] },
      outcome: 'ok',
    },
    { door: 'registry', user: 'admin', asked: 'PUT /config', outcome: 'ok' },
    { door: 'sql', user: 'limited', asked: 'SELECT 12', outcome: 'ok' },
  ])
  for (const kept of [text, instance.output]) assert.doesNotMatch(kept, /hidden/)
})
