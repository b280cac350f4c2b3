/** Kafka's own console consumer as a reader. */
import { runKafkaTool } from '../../../tools/kafka/java-tool.ts'

export interface ConsoleRecord {
  readonly partition: number
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/** It gives up when this long nothing came. */
const silenceMs = 60_000

/** The first `count` records of the topic that it shows, by partition and offset. One that it should not show takes
 * the place of one that it should. */
export async function readByConsole(
  bootstrapServers: string,
  topic: string,
  isolation: 'read_committed' | 'read_uncommitted',
  count: number,
): Promise<ConsoleRecord[]> {
  const print = ['partition', 'offset', 'key'].map((what) => `print.${what}=true`)
  const bytes = 'org.apache.kafka.common.serialization.BytesDeserializer'
  const properties = [...print, `key.deserializer=${bytes}`, `value.deserializer=${bytes}`]
  const { stdout, stderr } = await runKafkaTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
    ...['--bootstrap-server', bootstrapServers, '--topic', topic, '--from-beginning'],
    ...['--isolation-level', isolation, '--timeout-ms', String(silenceMs)],
    ...['--max-messages', String(count)],
    ...properties.flatMap((property) => ['--formatter-property', property]),
  ])
  const records = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine)
  const processed = /Processed a total of (\d+) messages/.exec(stderr)?.[1]
  if (Number(processed) !== records.length) {
    throw new Error(`${records.length} lines of ${processed} messages:\n${stderr}`)
  }
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}

/** `Partition:0<tab>Offset:5<tab>KEY<tab>VALUE`; tabs of keys and values are escaped. */
function parseLine(line: string): ConsoleRecord {
  const [partition = '', offset = '', key = '', value = ''] = line.split('\t')
  return {
    partition: Number(partition.replace('Partition:', '')),
    offset: Number(offset.replace('Offset:', '')),
    key: parseBytes(key),
    value: parseBytes(value),
  }
}

/** As `org.apache.kafka.common.utils.Bytes` prints itself: what is no plain ASCII, a backslash among it, as \xNN. */
function parseBytes(text: string): Buffer | null {
  if (text === 'null') return null
  const unescaped = text.replace(/\\x([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(unescaped, 'latin1')
}
