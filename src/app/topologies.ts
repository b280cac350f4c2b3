/** Finds topologies by name (`topologies/NAME.ts` of this package) or by path, and loads them. */
import { existsSync, readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { messageOf, TidemarkError } from '../core/errors.ts'
import type { FactTable } from '../core/fact-table.ts'
import { sharedFactFaults } from '../topology/fact-changelog.ts'
import type { TopologyGraph } from '../topology/graph.ts'

interface TopologyModule {
  readonly default?: unknown
  readonly factTables?: readonly FactTable[]
}

const ownDirectory = new URL('../../topologies/', import.meta.url)

export interface LoadedTopology {
  readonly graph: TopologyGraph
  /** The rows it promises: the module's `factTables`. */
  readonly factTables: readonly FactTable[]
  /** Worker threads load the same module. */
  readonly moduleUrl: string
}

/** @throws TidemarkError TOPOLOGY_INVALID, with every fault of every topology */
export async function loadTopologies(names: readonly string[]): Promise<readonly LoadedTopology[]> {
  const outcomes = await Promise.allSettled(names.map(loadTopology))
  const faults = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [messageOf(outcome.reason)] : [],
  )
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  for (const name of twice) faults.push(`topology ${name} is named more than once`)
  const loaded = outcomes.flatMap((outcome) =>
    outcome.status === 'fulfilled' ? [outcome.value] : [],
  )
  faults.push(...sharedFactFaults(loaded.map(({ graph }) => graph)))
  if (faults.length > 0) throw new TidemarkError('TOPOLOGY_INVALID', faults.join('\n'))
  return loaded
}

/** Where their facts go. */
export function databasesOf(topologies: readonly LoadedTopology[]): readonly string[] {
  const tables = topologies.flatMap(({ factTables }) => factTables)
  return [...new Set(tables.map(({ database }) => database))]
}

export function bundledTopologyNames(): readonly string[] {
  return readdirSync(ownDirectory)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort()
}

async function loadTopology(name: string): Promise<LoadedTopology> {
  const moduleUrl = urlOf(name)
  let module: TopologyModule
  try {
    module = (await import(moduleUrl)) as TopologyModule
  } catch (cause) {
    if (cause instanceof TidemarkError) throw cause
    throw new TidemarkError('TOPOLOGY_INVALID', `topology ${name}: ${messageOf(cause)}`, { cause })
  }
  const graph = module.default as TopologyGraph | undefined
  if (graph === undefined || !Array.isArray(graph.subTopologies)) {
    throw new TidemarkError(
      'TOPOLOGY_INVALID',
      `topology ${name}: ${fileURLToPath(moduleUrl)} must export the topology as its default`,
    )
  }
  return { graph, factTables: module.factTables ?? [], moduleUrl }
}

function urlOf(name: string): string {
  if (/^[a-z0-9-]+$/.test(name)) {
    const bundled = new URL(`${name}.ts`, ownDirectory)
    if (existsSync(bundled)) return bundled.href
  }
  const path = resolve(name)
  if (existsSync(path)) return pathToFileURL(path).href
  throw new TidemarkError(
    'TOPOLOGY_INVALID',
    `topology ${name}: there is no such file; known are ${bundledTopologyNames().join(', ')}, or give a path`,
  )
}
