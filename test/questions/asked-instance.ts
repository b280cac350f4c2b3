/** An instance that is told a few events through its door and then asked the saved questions. Its day is the test's. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { systemClock } from '../../src/core/clock.ts'
import type { QualityReport } from '../../src/jobs/quality/quality-jobs.ts'
import { ofValues, TestInstance } from '../integration/doors-support/test-instance.ts'

type Row = Readonly<Record<string, unknown>>

const questions = new URL('../../schemas/clickhouse/questions/', import.meta.url)

export class AskedInstance {
  readonly #instance: TestInstance
  readonly #day: { nowMs: number }

  private constructor(instance: TestInstance, day: { nowMs: number }) {
    this.#instance = instance
    this.#day = day
  }

  /** @param nowMs what its clock says until it is told another time */
  static async open(
    topologies: readonly string[],
    nowMs: number,
    flags: Readonly<Record<string, unknown>> = {},
  ): Promise<AskedInstance> {
    const day = { nowMs }
    const clock = { ...systemClock, nowMs: () => day.nowMs }
    // It makes nothing by itself that a test has not asked for.
    const settings = { topologies, 'quality.checkIntervalMs': 0, ...flags }
    return new AskedInstance(await TestInstance.open(settings, clock), day)
  }

  async stop(): Promise<void> {
    await this.#instance.stop()
  }

  setNow(nowMs: number): void {
    this.#day.nowMs = nowMs
  }

  /** Events that are taken; what comes of them can be asked after. */
  async tell(topic: string, ...values: readonly Row[]): Promise<void> {
    const { status, body } = await this.#instance.post(`/topics/${topic}`, ofValues(...values))
    assert.equal(status, 200, JSON.stringify(body))
    await this.#instance.idle()
  }

  /** Events of which some do not fit their schema: those go to quarantine at the door. */
  async tellUnfit(topic: string, ...values: readonly Row[]): Promise<void> {
    await this.#instance.post(`/topics/${topic}?on_error=quarantine`, ofValues(...values))
    await this.#instance.idle()
  }

  /** What a report of quality says, of these topologies or of all. */
  async report(...topologies: readonly string[]): Promise<QualityReport> {
    const { jobs } = this.#instance.instance.services
    const { outcome } = await jobs.start('quality.report', { topologies })
    return (await outcome) as QualityReport
  }

  /** What the saved question answers, through the SQL door. */
  answer(question: string, parameters: Readonly<Record<string, string>> = {}) {
    const sql = readFileSync(new URL(`${question}.sql`, questions), 'utf8')
    return this.#instance.rows(sql, parameters)
  }
}

/** Milliseconds since the epoch of an ISO 8601 time. */
export function at(time: string): number {
  return Date.parse(time)
}
