/** Who takes part, and how each is started: a process of its own with the same arguments. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { environmentDefaults, nodeFlags } from '../../bin/node-flags.js'
import type { JavaProgram } from '../../tools/kafka-streams/java-program.ts'
import { asValues } from './contender-arguments.ts'
import type { ContenderArguments } from './contender-arguments.ts'

export type ContenderName = 'ours' | 'java' | 'kafkats'

const stopMaxMs = 30_000
const outputCharactersMax = 20_000

export interface Running {
  /** Rejects when the process ends before it was told to. */
  readonly ended: Promise<never>
  readonly pid: number | undefined
  /** SIGTERM, and SIGKILL where that is not enough. */
  stop(): Promise<void>
}

export function startContender(
  name: ContenderName,
  java: JavaProgram,
  given: ContenderArguments,
): Running {
  const [command, args] = commandOf(name, java)
  const child = spawn(command, [...args, ...asValues(given)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...environmentDefaults, ...process.env },
  })
  let output = ''
  let isStopping = false
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-outputCharactersMax)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    child.once('error', () => resolve())
  })
  const ended = closed.then(() => {
    if (isStopping) return new Promise<never>(() => undefined)
    throw new Error(`${name} ended by itself:\n${output}`)
  })
  ended.catch(() => undefined)
  return {
    ended,
    pid: child.pid,
    stop: async () => {
      isStopping = true
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMaxMs)
      await closed
      clearTimeout(timer)
    },
  }
}

/** The flags that Java services and the product itself are run with. */
function commandOf(name: ContenderName, java: JavaProgram): [string, string[]] {
  if (name === 'java') return [java.command, ['-Xmx1g', ...java.arguments, 'bench.Mcq']]
  const script = fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
  return [process.execPath, [...nodeFlags, script]]
}
