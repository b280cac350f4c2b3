/** Runs one of Kafka's own command-line tools, which are classes of its jars. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { kafkaJars } from './jars.ts'

const run = promisify(execFile)
const outputBytesMax = 256 * 1024 * 1024

/** @returns what it printed. @throws Error with what it printed where it fails */
export async function runKafkaTool(
  mainClass: string,
  args: readonly string[],
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const { java, arguments: jvmArguments } = await kafkaJars()
  return run(
    java.command,
    ['-Xmx200m', '-XX:TieredStopAtLevel=1', ...jvmArguments, mainClass, ...args],
    { maxBuffer: outputBytesMax },
  )
}
