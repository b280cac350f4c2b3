/**
 * The mcq core as a topology of ours. Loaded by the benchmark's process and its worker with the names in the URL:
 * `ours-topology.ts?name=…&input=…&interactions=…&summaries=…`.
 */
import { topicName } from '../../src/core/record.ts'
import { stringSerde } from '../../src/core/serde.ts'
import type { TopicDefinition } from '../../src/core/topic.ts'
import type { Processor, ProcessorContext, StreamRecord } from '../../src/processors/processor.ts'
import type { KeyValueStore } from '../../src/state/stores.ts'
import { defineTopology } from '../../src/topology/define.ts'
import { keyValueStore } from '../../src/topology/stores.ts'
import { interactionOf, joinAnswer, studentTestSerde, summaryOf } from './student-test.ts'
import type { StudentTest } from './student-test.ts'

const names = new URL(import.meta.url).searchParams
const store = 'student-tests'

type Text = StreamRecord<string, string>

class StudentTestProcessor implements Processor<string, string, string, string> {
  #context!: ProcessorContext<string, string>
  #store!: KeyValueStore<string, StudentTest>

  init(context: ProcessorContext<string, string>): void {
    this.#context = context
    this.#store = context.store(store)
  }

  process({ key, value, timestampMs, headers }: Text): void {
    const state = this.#store.get(key) ?? { questions: [] }
    const question = joinAnswer(state, value)
    if (question === null) return
    this.#store.put(key, state)
    const interaction = interactionOf(question)
    const at = { timestampMs, headers }
    this.#context.forward(
      { key: `${key}/${question.id}`, value: interaction, ...at },
      'interactions',
    )
    this.#context.forward({ key, value: summaryOf(state), ...at }, 'summaries')
  }
}

function textTopic(part: string): TopicDefinition<string, string> {
  return {
    name: topicName(names.get(part) ?? ''),
    keySerde: stringSerde,
    schema: { type: 'string' },
    cleanupPolicy: 'delete',
    retentionMs: null,
  }
}

export default defineTopology(names.get('name') ?? '', (builder) => {
  const facts = builder
    .stream('answers', textTopic('input'))
    .process<string, string>('student-test', {
      stores: [keyValueStore(store, stringSerde, studentTestSerde)],
      supplier: () => new StudentTestProcessor(),
    })
  facts.to('interactions', textTopic('interactions'))
  facts.to('summaries', textTopic('summaries'))
})
