/** Two instances with users on a real cluster: what they ask each other goes on, and nobody else may ask it. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { sha256 } from '../../src/server/access/access.ts'
import { basicAuthorization } from '../../src/server/access/credentials.ts'
import type { InstanceStatus } from '../../src/server/console/instance-status.ts'
import type { InstanceProcess } from '../integration/support/instance-process.ts'
import { until } from '../integration/support/until.ts'
import { openProductStage } from './support/product-stage.ts'

const ann = { authorization: basicAuthorization('ann', 'of-ann') }
const scores = Array.from({ length: 60 }, (_, at) => ({
  value: { exam: at % 7, studentId: `student-${at}`, score: at / 60 },
}))
/** So long that only who knows of a death goes on before it is over. */
const longSession = ['--kafka-session-timeout-ms', String(30 * 60_000)]

async function ask<Answer>(instance: InstanceProcess, path: string): Promise<Answer> {
  const response = await fetch(instance.url('console', path), { headers: ann })
  assert.equal(response.status, 200, `${path}: ${await response.clone().text()}`)
  return (await response.json()) as Answer
}

test('instances answer for each other and know of a death, and let in nobody without the secret', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-access-kafka-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const [usersFile, secretFile] = [join(directory, 'users.yaml'), join(directory, 'secret')]
  const hash = sha256('of-ann').toString('hex')
  await writeFile(usersFile, `users: [{ name: ann, roles: admin, passwordSha256: ${hash} }]\n`)
  await writeFile(secretFile, 'one-secret-of-all-instances\n')
  const access = ['--access-users-file', usersFile, '--access-peer-secret-file', secretFile]
  const stage = await openProductStage(t, {
    topologies: ['exam-scores'],
    words: [...access, ...longSession],
  })
  if (stage === undefined) return
  const instances = [await stage.start('one'), await stage.start('two')] as const
  const [one, two] = instances
  await until('both run tasks and hold standbys', async () => {
    for (const instance of instances) {
      const status = await ask<InstanceStatus>(instance, '/api/status')
      if (!status.isReady || status.tasks.length === 0 || status.standbys.length === 0) return null
    }
    return true
  })
  const produced = await fetch(one.url('ingest', '/topics/exam_score'), {
    method: 'POST',
    headers: { ...ann, 'content-type': 'application/vnd.kafka.json.v2+json' },
    body: JSON.stringify({ records: scores }),
  })
  assert.equal(produced.status, 200, await produced.text())
  await until('all is processed', async () => {
    for (const instance of instances) {
      const { idle } = await ask<{ idle: boolean }>(instance, '/api/idle?timeout_ms=10000')
      if (!idle) return null
    }
    return true
  })

  const stores = '/topologies/exam-scores/stores'
  const all = `${stores}/events/range?limit=1000&consistency=active`
  for (const instance of instances) {
    const { entries, sources } = await ask<{ entries: unknown[]; sources: { host: string }[] }>(
      instance,
      all,
    )
    assert.equal(entries.length, scores.length)
    assert.equal(new Set(sources.map(({ host }) => host)).size, 2)
    assert.equal((await fetch(instance.url('console', all))).status, 401)
    const read = { method: 'POST', headers: { ...ann, 'x-tidemark-forwarded': '1' }, body: '{}' }
    const forged = await fetch(instance.url('console', `${stores}/events/read`), read)
    assert.equal(forged.status, 403)
  }

  await one.end('SIGKILL')
  await two.prints('is gone without a word')
  const entries = await until('the other answers every key', async () => {
    const response = await fetch(two.url('console', all), { headers: ann })
    return response.ok ? ((await response.json()) as { entries: unknown[] }).entries : null
  })
  assert.equal(entries.length, scores.length)
  assert.equal((await two.end('SIGTERM')).code, 0, two.output)
})
