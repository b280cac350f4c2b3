/** Finds topologies by name (`topologies/NAME.ts` of this package) or by path, and loads them. */
import { existsSync, readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { messageOf, TidemarkError } from '../core/errors.ts'
import type { FactTable } from '../core/fact-table.ts'
import { sharedFactFaults } from '../topology/fact-changelog.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { sharedNameFaults } from './derived-names.ts'

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
  const graphs = loaded.map(({ graph }) => graph)
  faults.push(...namesakeFaults(names, outcomes))
  faults.push(...sharedFactFaults(graphs), ...sharedNameFaults(graphs))
  if (faults.length > 0) throw new TidemarkError('TOPOLOGY_INVALID', faults.join('\n'))
  return loaded
}

/** Files apart that define topologies of one name, which would be one in the log and in the state. */
function namesakeFaults(
  names: readonly string[],
  outcomes: readonly PromiseSettledResult<LoadedTopology>[],
): string[] {
  const loaded = outcomes.flatMap((outcome, index) =>
    outcome.status === 'fulfilled' ? [{ asked: names[index], name: outcome.value.graph.name }] : [],
  )
  return [...Map.groupBy(loaded, ({ name }) => name)].flatMap(([name, same]) => {
    const asked = [...new Set(same.map((each) => each.asked))]
    if (asked.length < 2) return []
    return [
      `topology "${name}" is defined by ${asked.join(' and ')}: rename one of them, or leave it out`,
    ]
  })
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
