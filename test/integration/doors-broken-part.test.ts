/** A part of ClickHouse's that is broken on the disk (a merge that met a full disk leaves such): its rows come again. */
import assert from 'node:assert/strict'
import { glob, mkdtemp, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { answerEvent, ofValues, TestInstance } from './doors-support/test-instance.ts'

test('rows of a broken part are written again from the log at the next start', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-part-'))
  let instance: TestInstance | null = null
  try {
    instance = await TestInstance.open({ dataDir: directory })
    await instance.post(
      '/topics/answers',
      ofValues(...Array.from({ length: 50 }, (_, index) => answerEvent('ann', index))),
    )
    const before = await instance.facts()
    assert.equal(before['mcq.question_interaction_fact']?.length, 50)
    const [part] = await instance.rows<{ path: string }>(
      `SELECT path FROM system.parts WHERE active AND table = 'question_interaction_fact_versions' LIMIT 1`,
    )
    await instance.stop()
    instance = null
    const marks = await Array.fromAsync(glob(join(part!.path, '*.cmrk*')))
    assert.ok(marks.length > 0)
    for (const path of marks) await truncate(path, 0)

    instance = await TestInstance.open({ dataDir: directory })
    const [aside] = await instance.rows<{ parts: string }>(
      `SELECT toString(count()) AS parts FROM system.detached_parts WHERE reason LIKE 'broken%'`,
    )
    assert.equal(aside!.parts, '1', 'the part must be seen to be broken, or the test shows nothing')
    assert.deepEqual(await instance.facts(), before)
  } finally {
    await instance?.stop()
    await rm(directory, { recursive: true })
  }
})
