/** The value codec of each topic, made once a process (or worker). */
import type { ValueCodec } from '../core/serde.ts'
import type { TopicDefinition } from '../core/topic.ts'

/** A codec may have to make its schema known before it encodes. */
export type OpeningCodec = ValueCodec<unknown> & { register?(): Promise<unknown> }

export type CodecFactory = (topic: TopicDefinition) => OpeningCodec

/** Two topologies that use a topic may define it apart, so the definition counts, not the name. */
export class Codecs {
  readonly #factory: CodecFactory
  readonly #codecs = new Map<TopicDefinition<any, any>, OpeningCodec>()

  constructor(factory: CodecFactory) {
    this.#factory = factory
  }

  of<K, V>(topic: TopicDefinition<K, V>): ValueCodec<V> {
    let codec = this.#codecs.get(topic)
    if (codec === undefined) {
      codec = this.#factory(topic as unknown as TopicDefinition)
      this.#codecs.set(topic, codec)
    }
    return codec as unknown as ValueCodec<V>
  }

  /** Before the first value of these topics is encoded. @throws TidemarkError SCHEMA_INCOMPATIBLE | REGISTRY_UNREACHABLE */
  async open(topics: readonly TopicDefinition<any, any>[]): Promise<void> {
    for (const topic of topics) {
      const codec: OpeningCodec = this.of(topic) as OpeningCodec

      await codec.register?.()
    }
  }
}
