/** A disk that runs full under a whole instance, log and ClickHouse on it: told, waited for, nothing lost. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pause, systemClock } from '../../src/core/clock.ts'
import { answerEvent, ofValues, TestInstance, type Answer } from './doors-support/test-instance.ts'

const mebibyte = 1024 * 1024
const batchRecords = 500
const batchesMax = 2000

function tryMount(directory: string): string | null {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200m', 'tmpfs', directory], { stdio: 'pipe' })
    return null
  } catch (thrown) {
    return `no small file system can be mounted here (run as root with CAP_SYS_ADMIN): ${String(thrown).split('\n')[0]}`
  }
}

/** Leaves so many bytes free. */
async function fill(mount: string, name: string, freeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(mount)
  await writeFile(join(mount, name), Buffer.alloc(Math.max(0, bavail * bsize - freeBytes)))
}

async function until(
  what: string,
  isSo: () => Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const overMs = systemClock.monotonicMs() + timeoutMs
  while (!(await isSo())) {
    if (systemClock.monotonicMs() > overMs) assert.fail(`not within ${timeoutMs} ms: ${what}`)
    await pause(systemClock, 50)
  }
}

class Feed {
  #instance: TestInstance
  readonly acknowledged = new Set<string>()
  #next = 0

  constructor(instance: TestInstance) {
    this.#instance = instance
  }

  follow(instance: TestInstance): void {
    this.#instance = instance
  }

  async send(): Promise<Answer> {
    const batch = this.#next++
    const events = Array.from({ length: batchRecords }, (_, index) => ({
      ...answerEvent(`student-${batch}-${index % 50}`, index),
      // So that a batch takes room.
      submitted_option: `${batch}-${index}-`.padEnd(400, String(index % 7)),
    }))
    const answer = await this.#instance.post('/topics/answers', ofValues(...events))
    if (answer.status === 200) for (const event of events) this.acknowledged.add(idOf(event))
    return answer
  }

  async untilRefused(): Promise<Answer> {
    for (let sent = 0; sent < batchesMax; sent++) {
      const answer = await this.send()
      if (answer.status !== 200) return answer
    }
    assert.fail(`${batchesMax} batches were taken and the disk is not full`)
  }

  /** All that was acknowledged, and of what was refused nothing or all: its answer may have been lost. */
  async assertFacts(): Promise<void> {
    await this.#instance.idle()
    const rows = await this.#instance.rows<{ id: string }>(
      `SELECT concat(student_id, ' ', question_id, ' ', assumeNotNull(final_answer_option)) AS id
       FROM mcq.question_interaction_fact`,
    )
    const found = new Set(rows.map(({ id }) => id))
    const lost = [...this.acknowledged].filter((id) => !found.has(id))
    assert.deepEqual(lost.slice(0, 5), [], `${lost.length} of ${this.acknowledged.size} are lost`)
    assert.equal(found.size, rows.length)
  }
}

function idOf(event: Record<string, unknown>): string {
  return `${String(event['student_id'])} ${String(event['question_id'])} ${String(event['submitted_option'])}`
}

/** Reading goes on; what would have to be written is asked to come again. */
async function assertOtherDoors(instance: TestInstance): Promise<void> {
  const schema = JSON.stringify({ type: 'record', name: 'Other', fields: [] })
  const registered = await instance.registry('/subjects/other-value/versions', { schema })
  assert.equal(registered.status, 500)
  assert.equal(registered.body.error_code, 50001)
  assert.match(registered.body.message, /no space is left/)
  const subjects = await instance.registry('/subjects')
  assert.ok(!subjects.body.includes('other-value'))
  const rows = await instance.rows('SELECT count() > 0 AS some FROM mcq.question_interaction_fact')
  assert.deepEqual(rows, [{ some: 1 }])
}

test('a full disk is told at the doors and in the status; with room again all acknowledged is queryable', async (t) => {
  const mount = await mkdtemp(join(tmpdir(), 'tidemark-disk-'))
  const reason = tryMount(mount)
  if (reason !== null) {
    await rm(mount, { recursive: true })
    t.skip(reason)
    return
  }
  const flags = { dataDir: join(mount, 'data'), memoryBudgetBytes: 48 * mebibyte }
  let instance: TestInstance | null = null
  try {
    instance = await TestInstance.open(flags)
    const feed = new Feed(instance)
    assert.equal((await feed.send()).status, 200)
    await instance.idle()
    await fill(mount, 'filler', 12 * mebibyte)

    const refused = await feed.untilRefused()
    assert.equal(refused.status, 503, JSON.stringify(refused.body).slice(0, 500))
    assert.equal(refused.body.error_code, 50302)
    assert.match(refused.body.message, /disk.*full|no space/i)
    assert.match(refused.body.message, new RegExp(flags.dataDir))
    assert.ok(Number(refused.headers.get('retry-after')) >= 1)
    await fill(mount, 'filler-2', 0)
    await until('the status tells of the disk', async () =>
      /disk|space/i.test((await instance!.status()).trouble ?? ''),
    )
    assert.equal((await instance.status()).state, 'running')
    const health = await instance.instance.apps.console.request('/healthz')
    assert.equal(health.status, 200)
    assert.match(((await health.json()) as { trouble: string }).trouble, /disk|space/i)
    assert.equal((await feed.send()).status, 503, 'it is still full')
    await assertOtherDoors(instance)
    t.diagnostic(`${feed.acknowledged.size} acknowledged; ${(await instance.status()).trouble}`)

    // A stop loses nothing either, and a start without room says so.
    await instance.stop()
    instance = null
    await fill(mount, 'filler-3', 0)
    await assert.rejects(TestInstance.open(flags), {
      code: 'DISK_FULL',
      message: /free some space/,
    })
    for (const filler of ['filler', 'filler-2', 'filler-3']) await rm(join(mount, filler))
    instance = await TestInstance.open(flags)
    feed.follow(instance)
    await feed.assertFacts()

    await fill(mount, 'filler', 0)
    await until('records are refused', async () => (await feed.send()).status === 503)
    await rm(join(mount, 'filler'))
    await until('records are taken again', async () => (await feed.send()).status === 200)
    await feed.assertFacts()
    assert.equal((await instance.status()).trouble, null)
  } finally {
    await instance?.stop()
    execFileSync('umount', [mount])
    await rm(mount, { recursive: true })
  }
})
