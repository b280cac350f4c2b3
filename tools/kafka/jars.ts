/**
 * Kafka's jars, and an archive of its loaded classes with which a broker starts in half the time. Both are made
 * once, in a folder that git ignores; two processes that want them at once make them once.
 */
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { withFileLock } from './file-lock.ts'
import { findJava, findMaven, KafkaUnavailable, type Java } from './java.ts'

const run = promisify(execFile)

/** Of the brokers that this project starts; `TIDEMARK_TEST_KAFKA_VERSION=3.7.2` takes another one, from 3.7 on. */
export const kafkaVersion = wantedVersion()
/** Brokers before 4.0 ask for their logger's levels by the names of its predecessor. */
export const isBefore4 = Number.parseInt(kafkaVersion) < 4
const here = dirname(fileURLToPath(import.meta.url))
export const cacheFolder = join(here, '../../node_modules/.cache/tidemark-kafka', kafkaVersion)
const jarsFolder = join(cacheFolder, 'jars')
const lockWaitMs = 600_000

export interface KafkaJars {
  readonly java: Java
  readonly classPath: string
  /** Arguments of `java` before the main class. */
  readonly arguments: readonly string[]
}

/** @throws KafkaUnavailable without Java, Maven or the network at the first time */
export async function kafkaJars(): Promise<KafkaJars> {
  const java = await findJava()
  const archive = join(cacheFolder, `classes-${java.version}.jsa`)
  if (!existsSync(jarsFolder) || !existsSync(archive)) {
    await mkdir(cacheFolder, { recursive: true })
    await withFileLock(join(cacheFolder, 'lock'), lockWaitMs, async () => {
      if (!existsSync(jarsFolder)) await copyJars()
      if (!existsSync(archive)) await archiveClasses(java, archive)
    })
  }
  return jarsWith(java, [
    `-XX:SharedArchiveFile=${archive}`,
    '-Xlog:cds=off',
    '-Xlog:cds+dynamic=off',
  ])
}

function wantedVersion(): string {
  const version = process.env['TIDEMARK_TEST_KAFKA_VERSION'] ?? '4.3.1'
  if (/^\d+\.\d+\.\d+$/.test(version)) return version
  throw new Error(`TIDEMARK_TEST_KAFKA_VERSION is a version such as 3.7.2, not "${version}"`)
}

async function jarsWith(java: Java, more: readonly string[]): Promise<KafkaJars> {
  // Sorted, since the archive holds for one class path only.
  const names = (await readdir(jarsFolder)).filter((name) => name.endsWith('.jar')).sort()
  const classPath = names.map((name) => join(jarsFolder, name)).join(':')
  return { java, classPath, arguments: [...baseArguments, ...more, '-cp', classPath] }
}

/** The archive holds for one garbage collector only. */
const baseArguments = [
  '-XX:+UseSerialGC',
  `-Dlog4j2.configurationFile=${join(here, 'log4j2.properties')}`,
  '-Djava.awt.headless=true',
]

async function copyJars(): Promise<void> {
  const maven = await findMaven()
  const unfinished = `${jarsFolder}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  const versionOf = [`-Dkafka.version=${kafkaVersion}`, ...(isBefore4 ? ['-Plog4j-1'] : [])]
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`, ...versionOf]
  try {
    await run(maven, ['--quiet', '--batch-mode', '--file', join(here, 'pom.xml'), ...goal])
  } catch (cause) {
    const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string }
    throw new KafkaUnavailable(`Maven could not fetch Kafka's jars:\n${stdout}${stderr}`, { cause })
  }
  await rename(unfinished, jarsFolder)
}

/** Has StorageTool format a broker, has the broker start, and keeps the classes that it loaded. */
async function archiveClasses(java: Java, archive: string): Promise<void> {
  const { formatNode } = await import('./storage.ts')
  const { nodeProperties, freePorts, writeProperties } = await import('./broker-properties.ts')
  const folder = join(cacheFolder, 'training')
  const unfinished = `${archive}.unfinished`
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  try {
    const jars = await jarsWith(java, [])
    const [ports] = await freePorts(1, 0)
    if (ports === undefined) throw new Error('no free port')
    const path = join(folder, 'server.properties')
    await writeProperties(path, nodeProperties({ id: 1, nodes: [ports], folder }))
    await formatNode(jars, path, {})
    const archiving = await jarsWith(java, [`-XX:ArchiveClassesAtExit=${unfinished}`])
    await startAndStop([java.command, ...archiving.arguments, 'kafka.Kafka', path])
    await rename(unfinished, archive)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const trainingMs = 120_000

async function startAndStop([command, ...args]: readonly string[]): Promise<void> {
  const child = spawn(command ?? 'java', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), trainingMs)
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    if (output.includes('Kafka Server started')) child.kill('SIGTERM')
  })
  const started = await new Promise<boolean>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', () => resolve(output.includes('Kafka Server started')))
  })
  clearTimeout(timer)
  if (!started) throw new Error(`Kafka did not start:\n${output.slice(-4_000)}`)
}
