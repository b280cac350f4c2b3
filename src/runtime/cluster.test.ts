import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeSubscription } from './assignment/subscription-user-data.ts'
import { TestCluster } from './test-support/test-cluster.ts'
import counting from './test-support/counting.ts'
import { enriching, joining, orders, outputs, users } from './test-support/joining.ts'
import { readLatest, send, until } from './test-support/harness.ts'

const event = fc.oneof(
  fc.record({
    to: fc.constant('orders' as const),
    id: fc.constantFrom('1', '2', '3', '4', '5', '6', '7', '8'),
    user: fc.constantFrom('a', 'b', 'c', 'd'),
    item: fc.constantFrom('p', 'q'),
  }),
  fc.record({
    to: fc.constant('users' as const),
    id: fc.constantFrom('a', 'b', 'c', 'd'),
    name: fc.constantFrom('ada', 'bob', 'cy'),
  }),
)

const step = fc.oneof(
  { weight: 3, arbitrary: fc.array(event, { minLength: 1, maxLength: 12 }) },
  { weight: 2, arbitrary: fc.constantFrom('one' as const, 'two' as const, 'three' as const) },
)

type Event = typeof event extends fc.Arbitrary<infer E> ? E : never

async function sendAll(cluster: TestCluster, events: readonly Event[], atMs: number) {
  for (const [index, { to, ...value }] of events.entries()) {
    if (to === 'orders')
      await send(cluster.log, orders, [{ ...value, atMs: atMs + index } as never])
    else await send(cluster.log, users, [{ ...value, atMs: atMs + index } as never])
  }
}

async function results(cluster: TestCluster) {
  const found: Record<string, unknown> = {}
  for (const topic of outputs) {
    const rows = [...(await readLatest(cluster.log, topic))].filter(
      ([, row]) => row !== null && row !== 0,
    )
    found[topic] = Object.fromEntries(rows.sort())
  }
  return found
}

test('tasks that move between instances while events flow give what one undisturbed instance gives', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 4, maxLength: 12 }),
      fc.constantFrom(0, 1),
      async (steps, numStandbyReplicas) => {
        const moving = await TestCluster.open([joining, enriching], { numStandbyReplicas })
        const still = await TestCluster.open([joining, enriching])
        try {
          await moving.start('one')
          await still.start('one')
          let atMs = 1
          for (const each of steps) {
            if (typeof each !== 'string') {
              await sendAll(moving, each, atMs)
              await sendAll(still, each, atMs)
              atMs += each.length
            } else if (!moving.runtimes.has(each)) await moving.start(each)
            else if (moving.runtimes.size > 1) await moving.stop(each)
          }
          await moving.whenIdle()
          await still.whenIdle()
          assert.deepEqual(await results(moving), await results(still))
        } finally {
          await moving.close()
          await still.close()
        }
      },
    ),
    { numRuns: 15 },
  )
})

test('what a process has left open is ended by its next start, and by those who stay when it is gone', async (t) => {
  const ended: string[] = []
  const cluster = await TestCluster.open([counting], {
    endTransactionsOf: (instanceId) => {
      ended.push(instanceId)
      return Promise.reject(new Error('what fails here ends by itself later'))
    },
  })
  t.after(() => cluster.close())
  await cluster.start('one')
  await cluster.start('two')
  await cluster.start('three')
  assert.deepEqual(ended.splice(0), ['one', 'two', 'three'])
  await cluster.stop('two')
  await until('both others know', () => ended.length === 2)
  assert.deepEqual(ended.splice(0), ['two', 'two'])
  await cluster.start('two')
  assert.deepEqual(ended, ['two'])
})

test('an instance tells its group which rack it is on', async () => {
  const cluster = await TestCluster.open([counting], { rack: 'east' })
  const joinGroup = cluster.log.joinGroup.bind(cluster.log)
  const told: Buffer[] = []
  cluster.log.joinGroup = (options) => {
    told.push(options.userData())
    return joinGroup(options)
  }
  try {
    await cluster.start('one')
  } finally {
    await cluster.close()
  }
  assert.deepEqual(
    told.map((userData) => decodeSubscription(userData)?.rack),
    ['east'],
  )
})
