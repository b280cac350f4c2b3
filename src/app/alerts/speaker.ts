/** Of what all instances see alike one tells: who runs the first task of the first topology. */
import type { TopologyHosts } from '../../runtime/queries/hosts.ts'

export class Speaker {
  #speaks = true

  /** @param hosts of the first topology; while nobody knows who runs the task, whoever spoke last goes on: twice told
   * is better than not at all */
  speaks(hosts: TopologyHosts | null): boolean {
    const active = hosts?.tasks[0]?.active ?? null
    if (hosts !== null && hosts.isMember && !hosts.isRebalancing && active !== null) {
      this.#speaks = active === hosts.self
    }
    return this.#speaks
  }
}
