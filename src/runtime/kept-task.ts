/** A task's state on a log that does not share its storage with it: its stores, and the topics that bring them back. */
import { present } from '../core/assert.ts'
import type { StoreName, TopicName } from '../core/record.ts'
import type { StoreDefinition } from '../state/stores.ts'
import { changelogStores, changelogTopic } from './changelog.ts'
import { factChangelogOf } from './fact-changelog.ts'
import type { FactChangelog } from './fact-changelog.ts'
import { scopedStoreName } from './scoped-state.ts'
import { taskGraphOf, taskPlans } from './task-plan.ts'
import type { CompiledTopology, TaskPlan } from './task-plan.ts'

export interface StoreChangelog {
  /** As the state backend calls it: `<topology>.<store>`. */
  readonly store: StoreName
  readonly topic: TopicName
  /** Not null where it is a fact topic, whose records are the store's rows. */
  readonly facts: FactChangelog | null
}

export interface KeptTask {
  readonly plan: TaskPlan
  readonly changelogs: readonly StoreChangelog[]
}

/** By task id. A task without stores keeps nothing and is in it too, with no changelogs. */
export function keptTasks(
  topologies: Iterable<CompiledTopology>,
  defaultPartitionCount: number,
): ReadonlyMap<string, KeptTask> {
  const kept = new Map<string, KeptTask>()
  for (const compiled of topologies) {
    for (const plan of taskPlans(compiled.graph, defaultPartitionCount)) {
      kept.set(plan.id, keptTask(plan, compiled))
    }
  }
  return kept
}

function keptTask(plan: TaskPlan, compiled: CompiledTopology): KeptTask {
  const { topologyName } = plan
  const subTopology = present(compiled.graph.subTopologies[plan.subTopology], plan.id)
  const stores = changelogStores(subTopology, taskGraphOf(plan, compiled))
  return {
    plan,
    changelogs: [
      ...stores.map((store) => ownChangelog(topologyName, store)),
      ...subTopology.stores.flatMap((definition) => factsOf(topologyName, definition) ?? []),
    ],
  }
}

/** What brings the store back: a changelog of its own, or its facts. */
export function changelogOf(topologyName: string, definition: StoreDefinition): StoreChangelog {
  return factsOf(topologyName, definition) ?? ownChangelog(topologyName, definition.name)
}

function ownChangelog(topologyName: string, name: StoreName): StoreChangelog {
  const store = scopedStoreName(topologyName, name)
  return { store, topic: changelogTopic(topologyName, name), facts: null }
}

/** Null where the store has a changelog of its own. */
function factsOf(topologyName: string, definition: StoreDefinition): StoreChangelog | null {
  const facts = factChangelogOf(definition)
  if (facts === null) return null
  const store = scopedStoreName(topologyName, definition.name)
  return { store, topic: facts.topic.name, facts }
}
