/** The entry of a worker thread: runs its tasks over a log and a state that the main thread owns. */
import { parentPort, workerData } from 'node:worker_threads'
import { present } from '../../core/assert.ts'
import { systemClock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { SchemaRegistry } from '../../schema/schema-registry.ts'
import { MemoryBudget } from '../../state/memory-budget.ts'
import type { TopologyGraph } from '../../topology/graph.ts'
import { Codecs } from '../codecs.ts'
import { PartitionCounts } from '../partition-counts.ts'
import { StreamThread } from '../stream-thread.ts'
import { compileTopology } from '../task-plan.ts'
import type { CompiledTopology } from '../task-plan.ts'
import type { MakeCodecs } from './avro-codecs.ts'
import type { StartRequest, StatusBody, StopRequest, WorkerSetup } from './messages.ts'
import { RemoteLog, RemoteState, RemoteStateKeeper } from './remote-log.ts'
import { Rpc, toBody } from './rpc.ts'

const setup = workerData as WorkerSetup
const pausedUntil = new Float64Array(setup.pausedUntil)

/** Null until it is asked to open. */
let thread: StreamThread | null = null
const rpc = new Rpc(present(parentPort, 'the port to the main thread'), {
  open: async () => {
    thread = await openThread()
    return { body: null }
  },
  start: ({ plans }: StartRequest) => {
    present(thread, 'an open thread').start(plans)
    return Promise.resolve({ body: null })
  },
  stop: async ({ ids }: StopRequest) => {
    const tasks = (await thread?.stop(ids)) ?? []
    return { body: { index: setup.index, tasks } satisfies StatusBody }
  },
  drop: async ({ ids }: StopRequest) => {
    const tasks = (await thread?.drop(ids)) ?? []
    return { body: { index: setup.index, tasks } satisfies StatusBody }
  },
  status: () => Promise.resolve({ body: status() }),
})

function status(): StatusBody {
  return { index: setup.index, tasks: thread?.status() ?? [] }
}

async function openThread(): Promise<StreamThread> {
  const codecsModule = (await import(setup.codecsModule)) as { default: MakeCodecs }
  const partitionCounts = PartitionCounts.from(setup.partitionCounts)
  const opened = new StreamThread({
    topologies: await loadTopologies(),
    surroundings: {
      log: new RemoteLog(rpc, setup),
      state: new RemoteState(rpc),
      stateKeeper: setup.sharesState ? null : new RemoteStateKeeper(rpc),
      budget: new MemoryBudget(setup.stateCacheBytesMax),
      codecs: new Codecs(codecsModule.default(remoteRegistry())),
      clock: systemClock,
      limits: setup.limits,
      // The main thread puts its membership in the place of this.
      group: (plan) => ({ groupId: plan.topologyName, generationId: -1, memberId: '' }),
      partitionCountOf: partitionCounts.of,
    },
    pausedUntil: () => pausedUntil[0] || null,
    onCommitStep: null,
    onFailure: (failure) => {
      void rpc.request('failed', { body: toBody(failure) })
    },
  })
  await opened.open()
  return opened
}

async function loadTopologies(): Promise<ReadonlyMap<string, CompiledTopology>> {
  const topologies = new Map<string, CompiledTopology>()
  for (const url of setup.topologyModules) {
    const { default: graph } = (await import(url)) as { default?: TopologyGraph }
    if (graph === undefined) {
      throw new TidemarkError('TOPOLOGY_INVALID', `${url} must export the topology as its default`)
    }
    topologies.set(graph.name, compileTopology(graph))
  }
  return topologies
}

/** Of the registry a codec uses these two. */
function remoteRegistry(): SchemaRegistry {
  const registry: Pick<SchemaRegistry, 'schemaById' | 'register'> = {
    schemaById: (id) => rpc.request('schemaById', { body: id }),
    register: (subject, schema) => rpc.request('register', { body: { subject, schema } }),
  }
  return registry as SchemaRegistry
}
