/** Keeps each row of a topic in a store with a changelog of its own. */
import { topicName } from '../../src/core/record.ts'
import { stringSerde } from '../../src/core/serde.ts'
import type { TopicDefinition } from '../../src/core/topic.ts'
import type { Processor, ProcessorContext, StreamRecord } from '../../src/processors/processor.ts'
import type { KeyValueStore } from '../../src/state/stores.ts'
import { defineTopology } from '../../src/topology/define.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import { keyValueStore } from '../../src/topology/stores.ts'

const store = 'rows'

class KeepRows implements Processor<string, string> {
  #store!: KeyValueStore<string, string>

  init(context: ProcessorContext): void {
    this.#store = context.store(store)
  }

  process({ key, value }: StreamRecord<string, string>): void {
    this.#store.put(key, value)
  }
}

export function rowsTopic(name: string): TopicDefinition<string, string> {
  return {
    name: topicName(name),
    keySerde: stringSerde,
    schema: { type: 'string' },
    cleanupPolicy: 'delete',
    retentionMs: null,
  }
}

export function keepRows(name: string, topic: TopicDefinition<string, string>): TopologyGraph {
  return defineTopology(name, (builder) => {
    builder.stream('rows-in', topic).process('keep', {
      stores: [keyValueStore(store, stringSerde, stringSerde)],
      supplier: () => new KeepRows(),
    })
  })
}
