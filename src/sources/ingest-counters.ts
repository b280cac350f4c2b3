/** What the doors took, refused and kept, by topic, since the start. */
import type { IngestReport } from './ingest-port.ts'

export interface IngestCounts {
  readonly taken: number
  readonly refused: number
  readonly quarantined: number
  readonly warnings: number
}

const none: IngestCounts = { taken: 0, refused: 0, quarantined: 0, warnings: 0 }

export class IngestCounters {
  readonly #byTopic = new Map<string, IngestCounts>()

  add(topic: string, { taken, refused, quarantined, warnings }: IngestReport): void {
    const before = this.of(topic)
    this.#byTopic.set(topic, {
      taken: before.taken + taken,
      refused: before.refused + refused,
      quarantined: before.quarantined + quarantined,
      warnings: before.warnings + warnings,
    })
  }

  of(topic: string): IngestCounts {
    return this.#byTopic.get(topic) ?? none
  }

  all(): ReadonlyMap<string, IngestCounts> {
    return this.#byTopic
  }
}
