/** A serde turns a typed key or state value into bytes and back. Both directions are synchronous. */
export interface Serde<T> {
  serialize(value: T): Buffer
  deserialize(bytes: Buffer): T
}

export const stringSerde: Serde<string> = {
  serialize: (value) => Buffer.from(value, 'utf8'),
  deserialize: (bytes) => bytes.toString('utf8'),
}

export const bytesSerde: Serde<Buffer> = {
  serialize: (value) => value,
  deserialize: (bytes) => bytes,
}

/**
 * The value half of a topic's wire form: Confluent framing (magic 0, schema id, Avro).
 * `prepare` is awaited once a batch so that `decode` never waits for the registry (law 6).
 */
export interface ValueCodec<T> {
  /** @throws TidemarkError SCHEMA_REFUSED, with the field's path and the reason */
  encode(value: T): Buffer
  /** @throws TidemarkError FRAME_INVALID | SCHEMA_ID_UNKNOWN | AVRO_CORRUPT */
  decode(bytes: Buffer): T
  /** Makes the writer schemas of these framed values known; unknown ids are left for `decode` to report. */
  prepare(values: readonly (Buffer | null)[]): Promise<void>
}
