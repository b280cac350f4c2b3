import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { instanceIdentity, transactionalIds } from './instance-identity.ts'

const none = { instanceId: null, groupInstanceId: null }

test('an instance without a name keeps the one that its data directory has', (context) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-identity-'))
  context.after(() => {
    rmSync(dataDir, { recursive: true })
  })
  const first = instanceIdentity(none, join(dataDir, 'new'))
  assert.equal(instanceIdentity(none, join(dataDir, 'new')), first)
  assert.notEqual(instanceIdentity(none, dataDir), first)
  writeFileSync(join(dataDir, 'instance-id'), 'torn')
  assert.match(instanceIdentity(none, dataDir), /^[0-9a-f-]{36}$/)
})

test('a configured name goes before the static member’s', () => {
  assert.equal(instanceIdentity({ instanceId: 'a', groupInstanceId: 'b-3' }, '.'), 'a')
  assert.equal(instanceIdentity({ instanceId: null, groupInstanceId: 'b-3' }, '.'), 'b-3')
})

test('a task has the same transactional id after every restart, and lanes share the tasks out', () => {
  const idOf = transactionalIds('app', 'pod-1', 3)
  const again = transactionalIds('app', 'pod-1', 3)
  const tasks = Array.from({ length: 60 }, (_, index) => `mcq-0_${index}`)
  for (const task of tasks) assert.equal(idOf(task), again(task))
  assert.deepEqual([...new Set(tasks.map(idOf))].sort(), [
    'app-pod-1-0',
    'app-pod-1-1',
    'app-pod-1-2',
  ])
  assert.equal(transactionalIds('app', 'pod-1', 1)('mcq-0_7'), 'app-pod-1-0')
})
