/** A measured run in a process of its own, so that memory and compiled code start from nothing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { environmentDefaults, nodeFlags } from '../bin/node-flags.js'

/** @returns what the script printed as JSON in its last line */
export async function measuredChild<Measured>(script: URL, argument: string): Promise<Measured> {
  const run = spawn(process.execPath, [...nodeFlags, script.pathname, argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...environmentDefaults, ...process.env },
  })
  let output = ''
  run.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const [code] = (await once(run, 'close')) as [number]
  const last = output.trim().split('\n').at(-1)
  if (code !== 0 || last === undefined) throw new Error(`a run ended with ${code}`)
  return JSON.parse(last) as Measured
}
