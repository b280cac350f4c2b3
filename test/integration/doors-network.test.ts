/** Nothing else listens, nothing leaves the machine: the sockets of a running instance, and the packets it sends. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { answerEvent, json, ofValues } from './doors-support/test-instance.ts'
import { tidemark, up, type RunningInstance } from './doors-support/command.ts'
import { isLoopback, isNowhere, socketsOf } from './doors-support/sockets.ts'

/** What a stranger could ask of ClickHouse that reads, writes or calls outside. 192.0.2.1 is nobody's address. */
const reachingOut = [
  `SELECT * FROM url('http://192.0.2.1/secrets', CSV, 'a String')`,
  `SELECT * FROM urlCluster('default', 'http://192.0.2.1/secrets', CSV, 'a String')`,
  `SELECT * FROM file('/etc/passwd', LineAsString, 'a String')`,
  `SELECT file('/etc/passwd')`,
  `SELECT * FROM s3('http://192.0.2.1/bucket/key', CSV, 'a String')`,
  `SELECT * FROM remote('192.0.2.1:9000', system.one)`,
  `SELECT * FROM remoteSecure('192.0.2.1:9440', system.one)`,
  `SELECT * FROM cluster('default', system.one)`,
  `SELECT * FROM mysql('192.0.2.1:3306', 'd', 't', 'u', 'p')`,
  `SELECT * FROM postgresql('192.0.2.1:5432', 'd', 't', 'u', 'p')`,
  `SELECT * FROM mongodb('192.0.2.1:27017', 'd', 'c', 'u', 'p', 'a String')`,
  `SELECT * FROM sqlite('/etc/passwd', 't')`,
  `SELECT * FROM hdfs('hdfs://192.0.2.1/x', CSV, 'a String')`,
  `SELECT * FROM executable('id', CSV, 'a String')`,
  `SELECT * FROM iceberg('http://192.0.2.1/x')`,
  `SELECT * FROM deltaLake('http://192.0.2.1/x')`,
  `SELECT * FROM python('x')`,
  `SELECT 1 INTO OUTFILE '/tmp/tidemark-out'`,
  `SELECT * FROM system.one UNION ALL SELECT * FROM url('http://192.0.2.1/', CSV, 'dummy UInt8')`,
  `SELECT (SELECT count() FROM url('http://192.0.2.1/', CSV, 'a String'))`,
  `WITH x AS (SELECT * FROM file('/etc/passwd', LineAsString)) SELECT * FROM x`,
  `EXPLAIN SELECT * FROM url('http://192.0.2.1/', CSV, 'a String')`,
  `DESCRIBE url('http://192.0.2.1/x.csv')`,
  `DESCRIBE file('/etc/passwd')`,
  `CREATE TABLE mcq.x (a String) ENGINE = URL('http://192.0.2.1/', CSV)`,
  `CREATE TABLE mcq.x (a String) ENGINE = File(CSV)`,
  `CREATE DICTIONARY mcq.d (a String) PRIMARY KEY a SOURCE(HTTP(URL 'http://192.0.2.1/' FORMAT CSV)) LIFETIME(1) LAYOUT(FLAT())`,
  `INSERT INTO FUNCTION url('http://192.0.2.1/', CSV, 'a String') SELECT 'x'`,
  `INSERT INTO FUNCTION file('/tmp/tidemark-out', CSV, 'a String') SELECT 'x'`,
  `BACKUP TABLE mcq.students_versions TO File('/tmp/tidemark-out')`,
  `SYSTEM RELOAD CONFIG`,
  `DROP TABLE mcq.students_versions`,
  `SELECT 1; SELECT * FROM url('http://192.0.2.1/', CSV, 'a String')`,
]

let directory: string
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-network-'))
})
after(() => rm(directory, { recursive: true, force: true }))

async function ask(instance: RunningInstance, sql: string): Promise<Response> {
  return fetch(`${instance.url('clickhouse')}/`, { method: 'POST', body: sql })
}

test('the four doors listen on loopback and nothing else does; SQL reaches nothing outside', async () => {
  const instance = await up(join(directory, 'sockets'))
  const seen: string[] = []
  const strangers: string[] = []
  let isOver = false
  const watch = async () => {
    while (!isOver) {
      for (const socket of await socketsOf(instance.pid)) {
        const { protocol, local, remote, isListening } = socket
        if (isListening) seen.push(`${protocol} ${local}`)
        const isWithin = isLoopback(local) && (isNowhere(remote) || isLoopback(remote))
        if (!isWithin) strangers.push(`${protocol} ${local} -> ${remote}`)
      }
      await pause(5)
    }
  }
  const watching = watch()
  try {
    const produced = await fetch(`${instance.url('ingest')}/topics/answers`, {
      method: 'POST',
      headers: { 'content-type': json },
      body: JSON.stringify(ofValues(answerEvent('ann'))),
    })
    assert.equal(produced.status, 200)
    for (const sql of reachingOut) {
      const response = await ask(instance, sql)
      const text = await response.text()
      assert.notEqual(response.status, 200, `${sql}: ${text.slice(0, 200)}`)
      assert.match(text, /^Code: \d+\. DB::Exception: /, sql)
      assert.doesNotMatch(text, /root:/, sql)
    }
    await assert.rejects(readFile('/tmp/tidemark-out'), { code: 'ENOENT' })
    const idle = await fetch(`${instance.url('console')}/api/idle`)
    assert.deepEqual(await idle.json(), { idle: true })
    const rows = await ask(instance, 'SELECT count() FROM mcq.question_interaction_fact FORMAT CSV')
    assert.equal(await rows.text(), '1\n')
  } finally {
    isOver = true
    await watching
    assert.equal(await instance.stop(), 0)
  }
  const doors = instance.ports.map((port) => `tcp 127.0.0.1:${port}`)
  assert.deepEqual([...new Set(seen)].sort(), doors.sort())
  assert.deepEqual([...new Set(strangers)], [])
})

/** A network of its own whose only way out is a device that counts: packets to anywhere go there, name lookups too. */
const alone = [
  'unshare',
  '--net',
  'sh',
  '-c',
  [
    'ip link set lo up',
    'ip link add out0 type veth peer name in0',
    'ip link set out0 addrgenmode none arp off',
    'ip link set in0 addrgenmode none up',
    'ip link set out0 up',
    'ip address add 198.51.100.1/24 dev out0',
    'ip route add default dev out0',
    'exec "$@"',
  ].join(' && '),
  'sh',
]

function whyNotAlone(): string | null {
  try {
    execFileSync('unshare', [...alone.slice(1), 'true'], { stdio: 'pipe' })
    return null
  } catch (thrown) {
    return `no network of its own can be made here (needs root, unshare and ip): ${String(thrown).split('\n')[0]}`
  }
}

async function packetsOut(pid: number): Promise<number> {
  const device = /out0:(.*)/.exec(await readFile(`/proc/${pid}/net/dev`, 'utf8'))?.[1]
  return Number(device?.trim().split(/\s+/)[9])
}

test('from start to stop, with events, bad SQL and commands, not one packet leaves', async (t) => {
  const reason = whyNotAlone()
  if (reason !== null) {
    t.skip(reason)
    return
  }
  const dataDir = join(directory, 'packets')
  const instance = await up(dataDir, [], alone)
  const inside = ['nsenter', '--target', String(instance.pid), '--net', '--']
  try {
    const file = join(directory, 'answers.jsonl')
    await writeFile(file, `${JSON.stringify(answerEvent('ann'))}\nnot JSON\n`)
    const words = ['--data-dir', dataDir]
    const ingested = await tidemark(['ingest', 'answers', file, '--wait', ...words], inside)
    assert.equal(ingested.code, 0, ingested.stderr)
    const counted = 'SELECT count() AS n FROM mcq.question_interaction_fact'
    const sql = await tidemark(['sql', counted, '--format', 'json', ...words], inside)
    assert.match(sql.stdout, /"n": ?"?1"?/, sql.stderr)
    for (const bad of reachingOut.slice(0, 8)) {
      const refused = await tidemark(['sql', bad, ...words], inside)
      assert.equal(refused.code, 1, `${bad}: ${refused.stdout}`)
    }
    assert.equal(await packetsOut(instance.pid), 0)

    // The device must be seen to count, or the zero shows nothing.
    const send = `const s = require('node:dgram').createSocket('udp4'); s.send('x', 9, '203.0.113.7', () => s.close())`
    execFileSync(inside[0]!, [...inside.slice(1), process.execPath, '-e', send], { stdio: 'pipe' })
    assert.equal(await packetsOut(instance.pid), 1)
  } finally {
    assert.equal(await instance.stop(), 0)
  }
})
