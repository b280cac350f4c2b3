/** A process that is stopped for longer than its session, and wakes up as a member that is none any more. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { brief, eventually, testGroup } from './group-support.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'

kafkaTest(
  'a process that was stopped for longer than its session knows that it lost its partitions',
  async (kafka, t) => {
    const group = await testGroup(t, kafka, 4)
    const a = await group.join('a', { settings: brief })
    const child = spawn(
      process.execPath,
      [
        new URL('group-member.test-child.ts', import.meta.url).pathname,
        kafka.bootstrapServers,
        group.groupId,
        group.topic,
        String(brief.sessionTimeoutMs),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    t.after(async () => {
      const exit = once(child, 'exit')
      if (child.kill('SIGKILL')) await exit
    })
    const said: string[] = []
    createInterface(child.stdout).on('line', (line) => said.push(line))
    await eventually('the child has its share', () => said.length > 0)
    assert.deepEqual(said, ['assigned 2,3'])

    child.kill('SIGSTOP')
    await group.settled(new Map([[a, 4]]))
    child.kill('SIGCONT')
    await eventually('the child is a member again', () => said.length > 2)
    assert.deepEqual(said, ['assigned 2,3', 'lost 2,3', 'assigned 2,3'])
    await group.settled(new Map([[a, 2]]))
  },
)
