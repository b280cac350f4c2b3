/** One import in a process of its own; prints its figures as one line of JSON. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfiguration } from '../../src/app/configuration.ts'
import { openInstance, type Instance } from '../../src/app/instance.ts'
import { systemClock } from '../../src/core/clock.ts'
import { importOuladTables } from '../../src/sources/import-oulad-tables.ts'
import { percentile, watchFreshness } from './freshness.ts'
import { writeOulad, type Workload } from './workload.ts'

export interface ImportFigures {
  /** From the first byte read until the last fact is queryable. */
  readonly seconds: number
  /** Until the last click is durable. */
  readonly durableSeconds: number
  /** Of all cores together, in that time. */
  readonly processorSeconds: number
  readonly facts: number
  readonly csvBytes: number
  readonly freshnessP50Ms: number
  readonly freshnessP99Ms: number
  readonly freshnessSamples: number
  readonly peakBytes: number
}

const clicks = Number(process.argv[2])
const idleMs = 3_600_000
const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-'))
try {
  const configuration = loadConfiguration({
    flags: { dataDir: join(directory, 'data'), workers: 1, topologies: ['open-university'] },
    environment: {},
    directory,
  })
  const workload = await writeOulad(join(directory, 'oulad'), clicks)
  const instance = await openInstance(configuration, { listen: false })
  try {
    process.stdout.write(`${JSON.stringify(await measure(instance, workload))}\n`)
  } finally {
    await instance.stop()
  }
} finally {
  rmSync(directory, { recursive: true })
}

/** Students, courses and pages are there before; the clicks are measured. */
async function measure(instance: Instance, workload: Workload): Promise<ImportFigures> {
  await importFiles(instance, workload.otherFiles)
  await settle(instance)
  const freshness = watchFreshness(instance)
  const startMs = performance.now()
  const before = process.cpuUsage()
  const taken = await importFiles(instance, [workload.clicksFile])
  const durableSeconds = (performance.now() - startMs) / 1000
  await freshness.end()
  await settle(instance)
  const seconds = (performance.now() - startMs) / 1000
  const { user, system } = process.cpuUsage(before)
  const samples = await freshness.samples()
  const { facts, rows, sumClick } = await factsOf(instance)
  if (taken !== clicks || rows !== clicks || sumClick !== workload.sumClick) {
    throw new Error(`${taken} clicks taken, ${rows} in the facts; ${sumClick} summed`)
  }
  return {
    seconds,
    durableSeconds,
    processorSeconds: (user + system) / 1e6,
    facts,
    csvBytes: workload.clicksBytes,
    freshnessP50Ms: percentile(samples, 0.5),
    freshnessP99Ms: percentile(samples, 0.99),
    freshnessSamples: samples.length,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  }
}

async function importFiles({ services }: Instance, paths: readonly string[]): Promise<number> {
  const { ingest } = services
  const { topics } = await importOuladTables({ paths, ingest, clock: systemClock })
  return topics.get('student_vle')?.taken ?? 0
}

async function settle(instance: Instance): Promise<void> {
  if (!(await instance.whenIdle(idleMs))) throw new Error('the facts did not become queryable')
}

async function factsOf({ services }: Instance) {
  const result = await services.clickhouse.reader.query({
    query: `SELECT toFloat64(count()) AS facts, toFloat64(sum(click_rows)) AS rows, toFloat64(sum(sum_click)) AS sumClick
      FROM open_university.fact_vle_interactions WHERE code_module = 'AAA'`,
    format: 'JSONEachRow',
  })
  const [row] = await result.json<{ facts: number; rows: number; sumClick: number }>()
  return row ?? { facts: 0, rows: 0, sumClick: 0 }
}
