/** Formats the folder of a broker, as Kafka's StorageTool does. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { KafkaJars } from './jars.ts'

const run = promisify(execFile)

/** 16 bytes in base64url; one cluster is as good as another. */
const clusterId = 'dGlkZW1hcmstdGVzdHMtMQ'

export interface FormatOptions {
  /** Levels that the cluster starts with: `{ 'transaction.version': 1 }`. The others are the newest. */
  readonly features?: Readonly<Record<string, number>>
  /** `SCRAM-SHA-256=[name=alice,password=secret]` */
  readonly scram?: readonly string[]
}

/** @throws Error with what StorageTool printed */
export async function formatNode(
  jars: KafkaJars,
  propertiesPath: string,
  { features = {}, scram = [] }: FormatOptions,
): Promise<void> {
  const args = [
    ...jars.arguments,
    ...['kafka.tools.StorageTool', 'format', '--cluster-id', clusterId, '--config', propertiesPath],
    ...Object.entries(features).flatMap(([name, level]) => ['--feature', `${name}=${level}`]),
    ...scram.flatMap((credential) => ['--add-scram', credential]),
  ]
  try {
    await run(jars.java.command, ['-Xmx128m', '-XX:TieredStopAtLevel=1', ...args])
  } catch (cause) {
    const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string }
    throw new Error(`StorageTool could not format a broker:\n${stdout}${stderr}`, { cause })
  }
}
