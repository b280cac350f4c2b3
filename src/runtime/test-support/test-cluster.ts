/** Several runtimes on one log in memory that holds no state; each has its own, which outlives its runtime. */
import { systemClock } from '../../core/clock.ts'
import type { Log } from '../../log/log.ts'
import { openMemoryStorage } from '../../state/memory-backend.ts'
import type { InMemoryStorage } from '../../state/memory-backend.ts'
import type { TopologyGraph } from '../../topology/graph.ts'
import type { ClusterOptions } from '../cluster-options.ts'
import type { Runtime, RuntimeOptions } from '../runtime.ts'
import { testRuntime } from './harness.ts'

export class TestCluster {
  readonly log: Log
  readonly runtimes = new Map<string, Runtime>()
  readonly states = new Map<string, InMemoryStorage>()
  readonly #storage: InMemoryStorage
  readonly #topologies: readonly TopologyGraph[]
  readonly #cluster: Partial<ClusterOptions>

  private constructor(
    storage: InMemoryStorage,
    topologies: readonly TopologyGraph[],
    cluster: Partial<ClusterOptions>,
  ) {
    this.#storage = storage
    this.log = storage.log
    this.#topologies = topologies
    this.#cluster = cluster
  }

  static async open(
    topologies: readonly TopologyGraph[],
    cluster: Partial<ClusterOptions> = {},
  ): Promise<TestCluster> {
    const storage = await openMemoryStorage({ clock: systemClock, sharesState: false })
    return new TestCluster(storage, topologies, cluster)
  }

  async start(name: string, options: Partial<RuntimeOptions> = {}): Promise<Runtime> {
    let state = this.states.get(name)
    if (state === undefined) {
      state = await openMemoryStorage({ clock: systemClock })
      this.states.set(name, state)
    }
    const runtime = testRuntime(
      this.#topologies,
      { log: this.log, state: state.state },
      {
        cluster: {
          instanceId: name,
          endpoint: `http://${name}`,
          numStandbyReplicas: 0,
          maxWarmupReplicas: 2,
          acceptableRecoveryLag: 10,
          ...this.#cluster,
        },
        ...options,
      },
    )
    this.runtimes.set(name, runtime)
    await runtime.start()
    return runtime
  }

  async stop(name: string): Promise<void> {
    const runtime = this.runtimes.get(name)
    this.runtimes.delete(name)
    await runtime?.stop()
  }

  /** All has been processed by all. */
  async whenIdle(): Promise<void> {
    // What one has written another reads: a round in which all are idle from the first to the last ends it.
    const runtimes = [...this.runtimes.values()]
    for (;;) {
      for (const runtime of runtimes) await runtime.whenIdle()
      const lags = await Promise.all(runtimes.map((runtime) => runtime.lag()))
      if (lags.every((lag) => lag === 0)) return
    }
  }

  async close(): Promise<void> {
    for (const name of [...this.runtimes.keys()]) await this.stop(name)
    for (const state of this.states.values()) await state.close()
    await this.#storage.close()
  }
}
