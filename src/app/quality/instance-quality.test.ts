/** Quality in an instance: by the door, by itself, in the status and in the metrics. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import type { LatestScores } from '../../jobs/quality/quality-store.ts'
import { loadConfiguration } from '../configuration.ts'
import { openInstance, type Instance } from '../instance.ts'

describe('an instance and the quality of its tables', () => {
  let directory: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemark-quality-'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  const open = (flags: Readonly<Record<string, string>> = {}) => {
    const settings = { dataDir: directory, topologies: 'exam-scores', workers: '0', ...flags }
    const configuration = loadConfiguration({ flags: settings, environment: {}, directory })
    return openInstance(configuration, { listen: false })
  }
  const ask = async ({ apps }: Instance, job: string, request: object) => {
    const response = await apps.console.request(`/api/jobs/${job}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    })
    const lines = (await response.text()).trim().split('\n')
    return JSON.parse(lines.at(-1) ?? '') as { result?: Record<string, unknown>; error?: string }
  }

  it('are measured when it is asked, and told in status and metrics, also after a restart', async () => {
    let measured: LatestScores | null = null
    const instance = await open()
    try {
      assert.equal(instance.status().quality, null)
      assert.doesNotMatch(await metrics(instance), /tidemark_quality/)
      await ingest(instance)
      const { result } = await ask(instance, 'quality.check', {})
      assert.deepEqual([result?.['is_good'], result?.['score']], [true, 100])
      measured = instance.status().quality
      assert.equal(measured?.topologies[0]?.dimensions.validity, 100)
      assert.match(
        await metrics(instance),
        /tidemark_quality_score\{topology="exam-scores",dimension="validity"\} 100\n/,
      )
    } finally {
      await instance.stop()
    }
    const again = await open()
    try {
      assert.deepEqual(again.status().quality, measured)
      const { error } = await ask(again, 'quality.report', { days: 'many' })
      assert.match(error ?? '', /days: expected a number/)
    } finally {
      await again.stop()
    }
  })

  it('are measured by itself, again and again', async () => {
    const instance = await open({ 'quality.checkIntervalMs': '200' })
    try {
      const runs = new Set<string>()
      while (runs.size < 3) {
        await new Promise((resolve) => setImmediate(resolve))
        runs.add(instance.status().quality?.runId ?? '')
      }
    } finally {
      await instance.stop()
    }
  })

  it('refuses a threshold of a check that there is not, naming those that there are', async () => {
    await assert.rejects(open({ 'quality.thresholds': 'exam_scores.events/filled:grade=5' }), {
      code: 'CONFIGURATION_INVALID',
      message: /no check exam_scores\.events\/filled:grade; there are .*filled:score/,
    })
    await assert.rejects(open({ 'quality.thresholds': 'exam_scores.marks/filled:grade=5' }), {
      message: /nothing is expected of exam_scores\.marks/,
    })
  })
})

async function metrics({ apps }: Instance): Promise<string> {
  return await (await apps.console.request('/metrics')).text()
}

async function ingest(instance: Instance): Promise<void> {
  const value = { studentId: 'ada', exam: 1, score: 0.9, timestamp: systemClock.nowMs() }
  const response = await instance.apps.ingest.request('/topics/exam_score', {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
    body: JSON.stringify({ records: [{ value }] }),
  })
  assert.equal(response.status, 200, await response.text())
  assert.equal(await instance.whenIdle(60_000), true)
}
