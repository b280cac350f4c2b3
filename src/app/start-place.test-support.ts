/** What decides over a start, where the log and its records are as a former start has left them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Clock } from '../core/clock.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { checkStart } from './check-start.ts'
import { loadConfiguration } from './configuration.ts'
import type { Foundation } from './foundation.ts'
import { ownMetaRecords } from './meta-records.ts'
import { ownResetPlan } from './reset.ts'
import { keepManifests, tellAcceptedParameters } from './topology-changes.ts'

export async function startPlace(context: TestContext, clock: Clock) {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-start-'))
  const storage = await openMemoryStorage({ clock })
  context.after(async () => {
    await storage.close()
    await rm(dataDir, { recursive: true })
  })
  const meta = ownMetaRecords(dataDir)
  const parts = { ...storage, meta, admin: null, member: null }
  const foundation = parts as unknown as Foundation
  /** @returns what the operator is told */
  const start = async (graph: TopologyGraph, accept: readonly string[] = []) => {
    const configuration = loadConfiguration({ flags: {}, environment: {}, directory: dataDir })
    const told: string[] = []
    const changes = await checkStart({ ...configuration, accept }, foundation, [graph], clock)
    tellAcceptedParameters(changes, (line) => told.push(line))
    await keepManifests(meta, changes)
    return told
  }
  const resetPlan = (graph: TopologyGraph) => {
    const loaded = { graph, factTables: [], moduleUrl: '' }
    const position = { kind: 'earliest' } as const
    const asked = { position, withFacts: false, force: false, partitions: 4, clock }
    return ownResetPlan(foundation, [loaded], asked)
  }
  return { meta, start, resetPlan }
}
