/** The value codec of each topic, made once a process (or worker). */
import type { ValueCodec } from '../core/serde.ts'
import type { TopicDefinition } from '../core/topic.ts'

export type CodecFactory = (topic: TopicDefinition) => ValueCodec<unknown>

/** Two topologies that read a topic may define it apart, so the definition counts, not the name. */
export class Codecs {
  readonly #factory: CodecFactory
  readonly #codecs = new Map<TopicDefinition, ValueCodec<unknown>>()

  constructor(factory: CodecFactory) {
    this.#factory = factory
  }

  of(topic: TopicDefinition): ValueCodec<unknown> {
    let codec = this.#codecs.get(topic)
    if (codec === undefined) {
      codec = this.#factory(topic)
      this.#codecs.set(topic, codec)
    }
    return codec
  }
}
