import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hono } from 'hono'
import { listen } from '../listen.ts'
import type { AuditEntry, AuditLog } from './audit-log.ts'
import { audited } from './audited.ts'

function door() {
  const entries: AuditEntry[] = []
  const audit: AuditLog = {
    record: (entry) => entries.push(entry),
    close: () => Promise.resolve(),
  }
  const inner = new Hono()
  inner.get('/things', (context) => context.text('things'))
  inner.post('/things', async (context) => context.json(await context.req.json()))
  inner.onError((_, context) => context.text('refused', 400))
  inner.notFound((context) => context.text('own words', 404))
  inner.post('/look', (context) => context.text('seen'))
  const isRecorded = (_: string, path: string) => path !== '/look'
  return { entries, app: audited(inner, { audit, door: 'console', isRecorded, withBody: true }) }
}

const post = (body: string) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body,
})

test('over the network: what changes something is recorded with its address, its body and its outcome', async () => {
  const { entries, app } = door()
  const listener = await listen(app, { name: 'console', host: '127.0.0.1', port: 0 })
  try {
    const sent = await fetch(`${listener.url}/things?a=1`, post('{"ids":["1"]}'))
    assert.deepEqual(await sent.json(), { ids: ['1'] })
    assert.equal((await fetch(`${listener.url}/things`, post('no json'))).status, 400)
    const large = JSON.stringify({ text: 'x'.repeat(100_000) })
    assert.equal((await fetch(`${listener.url}/things`, post(large))).status, 200)
    const common = { door: 'console', user: null, address: '127.0.0.1', asked: 'POST /things' }
    assert.deepEqual(entries, [
      { ...common, request: { ids: ['1'] }, outcome: 'ok' },
      { ...common, request: 'no json', outcome: '400' },
      { ...common, outcome: 'ok' },
    ])
  } finally {
    await listener.close(0)
  }
})

test('the door answers as it would by itself, and what only looks is not recorded', async () => {
  const { entries, app } = door()
  assert.equal(await (await app.request('/things')).text(), 'things')
  assert.equal((await app.request('/things', { method: 'HEAD' })).status, 200)
  assert.equal(await (await app.request('/nothing')).text(), 'own words')
  assert.equal(await (await app.request('/look', post(''))).text(), 'seen')
  assert.deepEqual(entries, [])
  assert.equal(await (await app.request('/nothing', { method: 'DELETE' })).text(), 'own words')
  await app.request('/things', post('{"a":1}'))
  assert.deepEqual(
    entries.map(({ asked, address, request, outcome }) => ({ asked, address, request, outcome })),
    [
      { asked: 'DELETE /nothing', address: null, request: '', outcome: '404' },
      { asked: 'POST /things', address: null, request: { a: 1 }, outcome: 'ok' },
    ],
  )
})
