/**
 * A Java program of this repository, compiled against Kafka Streams' jars. Both are made once, in a folder that
 * git ignores; two processes that want them at once make them once.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { withFileLock } from '../kafka/file-lock.ts'
import { findJava, findMaven, KafkaUnavailable } from '../kafka/java.ts'

const run = promisify(execFile)

const kafkaStreamsVersion = '4.3.1'
const here = dirname(fileURLToPath(import.meta.url))
const cacheFolder = join(
  here,
  '../../node_modules/.cache/tidemark-kafka-streams',
  kafkaStreamsVersion,
)
const jarsFolder = join(cacheFolder, 'jars')
const lockWaitMs = 600_000

export interface JavaProgram {
  /** The path of `java`. */
  readonly command: string
  /** Its arguments up to, and without, the main class. */
  readonly arguments: readonly string[]
}

/**
 * @param folder of the .java files
 * @throws KafkaUnavailable without Java, javac, Maven or, at the first time, the network
 * @throws Error with javac's messages where the sources do not compile
 */
export async function javaProgram(folder: string): Promise<JavaProgram> {
  const java = await findJava()
  await mkdir(cacheFolder, { recursive: true })
  const sources = (await readdir(folder)).filter((name) => name.endsWith('.java')).sort()
  const digest = createHash('sha256')
  for (const name of sources) digest.update(name).update(await readFile(join(folder, name)))
  const classes = join(cacheFolder, `classes-${digest.digest('hex').slice(0, 16)}`)
  if (!existsSync(jarsFolder) || !existsSync(classes)) {
    await withFileLock(join(cacheFolder, 'lock'), lockWaitMs, async () => {
      if (!existsSync(jarsFolder)) await copyJars()
      const paths = sources.map((name) => join(folder, name))
      if (!existsSync(classes)) await compile(paths, classes)
    })
  }
  return { command: java.command, arguments: ['-cp', `${classes}:${join(jarsFolder, '*')}`] }
}

async function copyJars(): Promise<void> {
  const maven = await findMaven()
  const unfinished = `${jarsFolder}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`]
  try {
    await run(maven, ['--quiet', '--batch-mode', '--file', join(here, 'pom.xml'), ...goal])
  } catch (cause) {
    throw new KafkaUnavailable(`Maven could not fetch Kafka Streams' jars:\n${outputOf(cause)}`, {
      cause,
    })
  }
  await rename(unfinished, jarsFolder)
}

async function compile(sources: readonly string[], classes: string): Promise<void> {
  const unfinished = `${classes}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished)
  const options = ['-Xlint:all,-classfile,-path,-processing', '-Werror', '-encoding', 'UTF-8']
  const classPath = join(jarsFolder, '*')
  try {
    await run('javac', [...options, '-cp', classPath, '-d', unfinished, ...sources])
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new KafkaUnavailable(
        'there is Java but no javac here: install a JDK (apt install openjdk-17-jdk-headless, or brew install openjdk)',
        { cause },
      )
    }
    throw new Error(`javac refuses:\n${outputOf(cause)}`, { cause })
  }
  await rename(unfinished, classes)
}

function outputOf(failure: unknown): string {
  const { stdout = '', stderr = '' } = failure as { stdout?: string; stderr?: string }
  return `${stdout}${stderr}`
}
