import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { ManualClock, systemClock } from '../core/clock.ts'
import counting from '../runtime/test-support/counting.ts'
import { until } from '../runtime/test-support/harness.ts'
import { TestCluster } from '../runtime/test-support/test-cluster.ts'
import { tellConditions } from './conditions.ts'
import { refuseSharedEndpoint, sharedEndpoint, sharedEndpointMinMs } from './shared-endpoint.ts'

const applicationId = 'learning'
const member = { instanceId: 'tidemark-1', groupInstanceId: null }

/** Where an instance answers so; null hangs up. */
async function addressOf(t: TestContext, status: object | null): Promise<string> {
  const server = createServer((request, response) => {
    if (status === null || request.url !== '/api/status') request.socket.destroy()
    else response.end(JSON.stringify(status))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const start = (endpoint: string | null) =>
  refuseSharedEndpoint({ endpoint, member, applicationId, headers: {}, clock: systemClock })

test('an instance at whose address another one answers is refused, with who, where and how to mend it', async (t) => {
  const other = { applicationId, instanceId: 'tidemark-0', groupInstanceId: null }
  for (const state of ['running', 'starting']) {
    const endpoint = await addressOf(t, { state, member: other })
    await assert.rejects(start(endpoint), (thrown: Error) => {
      assert.ok(
        thrown.message.includes(
          `instance tidemark-0 of application learning answers at ${endpoint}`,
        ),
      )
      assert.match(thrown.message, /this one \(tidemark-1\).*Give each instance an endpoint/)
      return 'code' in thrown && thrown.code === 'CONFIGURATION_INVALID'
    })
  }
})

test('an address that nobody, oneself, one who leaves, or another application answers at is taken', async (t) => {
  const other = { applicationId, instanceId: 'tidemark-0', groupInstanceId: null }
  await start(null)
  await start(await addressOf(t, null))
  await start(await addressOf(t, { state: 'running', member: null }))
  await start(await addressOf(t, { state: 'stopping', member: other }))
  await start(await addressOf(t, { state: 'running', member: { ...other, ...member } }))
  const stranger = { ...other, applicationId: 'another' }
  await start(await addressOf(t, { state: 'running', member: stranger }))
})

test('instances that were started together under one address are told once it lasts, and when it is over', async (t) => {
  const cluster = await TestCluster.open([counting], { endpoint: 'http://tidemark:8080' })
  t.after(() => cluster.close())
  const one = await cluster.start('one')
  assert.equal(one.hostsOf('counting')?.isSelfShared, false)
  const clock = new ManualClock()
  const lines: string[] = []
  const lasts = { forMs: sharedEndpointMinMs, nowMs: () => clock.monotonicMs() }
  const tell = (line: string) => lines.push(line)
  const stop = tellConditions([sharedEndpoint(['counting'], one, lasts)], clock, tell)
  const two = await cluster.start('two')
  await until('each sees the other at its address', () =>
    [one, two].every((runtime) => runtime.hostsOf('counting')?.isSelfShared === true),
  )
  clock.advance(sharedEndpointMinMs - 1_000)
  assert.deepEqual(lines, [], 'a former life may last as long')
  clock.advance(2_000)
  assert.equal(lines.length, 1)
  assert.match(
    lines.join(),
    /in group counting tells the same address as this one, http:..tidemark:8080/,
  )
  await cluster.stop('two')
  await until('one is alone', () => one.hostsOf('counting')?.isSelfShared === false)
  clock.advance(1_000)
  assert.deepEqual(lines.slice(1), ['no other instance tells the address of this one'])
  await stop()
})

test('instances with an address each share none', async (t) => {
  const cluster = await TestCluster.open([counting])
  t.after(() => cluster.close())
  const all = [await cluster.start('one'), await cluster.start('two')]
  await until('both have tasks', () =>
    all.every((runtime) => runtime.status().tasks.some(({ state }) => state === 'RUNNING')),
  )
  assert.ok(all.every((runtime) => runtime.hostsOf('counting')?.isSelfShared === false))
})
