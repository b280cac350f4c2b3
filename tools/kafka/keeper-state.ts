/** Where the keeper of a developer's brokers is, and how the command talks to it. */
import { request } from 'node:http'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive } from './file-lock.ts'
import { cacheFolder } from './jars.ts'

export const stateFolder = join(cacheFolder, 'running')
export const statePath = join(stateFolder, 'keeper.json')

export interface KeeperState {
  readonly pid: number
  /** A Unix socket: nothing but a process of this user's reaches it. */
  readonly socketPath: string
}

export interface KeeperStatus {
  readonly bootstrapServers: string
  readonly brokers: readonly {
    readonly id: number
    readonly port: number
    readonly state: 'running' | 'paused' | 'stopped'
    readonly pid?: number
    readonly logPath: string
  }[]
}

/** @returns undefined where no keeper runs */
export async function keeperState(): Promise<KeeperState | undefined> {
  const text = await readFile(statePath, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const state = JSON.parse(text) as KeeperState
  return isAlive(state.pid) ? state : undefined
}

/** @throws Error with the keeper's own words where it refuses */
export async function askKeeper(command: string): Promise<KeeperStatus> {
  const state = await keeperState()
  if (state === undefined) throw new Error('no brokers run')
  const { socketPath } = state
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, method: 'POST', path: `/${command}` }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(body) as KeeperStatus)
        else reject(new Error(body))
      })
    })
    asking.on('error', reject)
    asking.end()
  })
}
