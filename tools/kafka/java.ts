/** The Java and the Maven of this machine, or what to do where they are missing. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Kafka 4's brokers need it (KIP-1013). */
const javaVersionMin = 17

/** Kafka cannot run on this machine; the message says what is missing and how to get it. */
export class KafkaUnavailable extends Error {
  override readonly name = 'KafkaUnavailable'
}

export interface Java {
  readonly command: string
  /** `17.0.15` */
  readonly version: string
}

/** @throws KafkaUnavailable without a Java of at least 17 */
export async function findJava(): Promise<Java> {
  const home = process.env['JAVA_HOME']
  const commands = [...(home === undefined ? [] : [`${home}/bin/java`]), 'java']
  const found: Java[] = []
  for (const command of commands) {
    const version = await javaVersion(command)
    if (version !== undefined) found.push({ command, version })
  }
  const java = found.find(({ version }) => Number.parseInt(version) >= javaVersionMin)
  if (java !== undefined) return java
  const has = found[0] === undefined ? 'there is none' : `${found[0].version} is here`
  throw new KafkaUnavailable(
    `Kafka needs Java ${javaVersionMin} or newer, and ${has}: install it (tools/ci/install-system.sh, or ` +
      `apt install openjdk-17-jre-headless, or brew install openjdk), or set JAVA_HOME, or name a broker ` +
      `of your own in TIDEMARK_TEST_KAFKA=host:port`,
  )
}

/** @throws KafkaUnavailable without Maven */
export async function findMaven(): Promise<string> {
  try {
    await run('mvn', ['--version'])
    return 'mvn'
  } catch (cause) {
    throw new KafkaUnavailable(
      `Maven fetches Kafka's jars once, and there is no mvn here: install it (tools/ci/install-system.sh, or ` +
        `apt install maven, or brew install maven), or name a broker of your own in TIDEMARK_TEST_KAFKA=host:port`,
      { cause },
    )
  }
}

async function javaVersion(command: string): Promise<string | undefined> {
  try {
    const { stderr } = await run(command, ['-XshowSettings:properties', '-version'])
    return /^\s*java\.version = (\S+)/m.exec(stderr)?.[1]
  } catch {
    return undefined
  }
}
