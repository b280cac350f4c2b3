/**
 * How a command finds the instance that runs on a data directory: `instance.json` in it, written aside and
 * renamed once all ports answer, removed at the end. A file left by a crash is told by its dead process.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { InstanceUrls } from '../server/console/instance-status.ts'

export interface InstanceFile {
  readonly pid: number
  readonly version: string
  readonly startedAtMs: number
  readonly urls: InstanceUrls
}

export function writeInstanceFile(dataDir: string, instance: InstanceFile): void {
  const path = join(dataDir, 'instance.json')
  const aside = `${path}.${instance.pid}`
  writeFileSync(aside, `${JSON.stringify(instance, null, 2)}\n`)
  renameSync(aside, path)
}

export function removeInstanceFile(dataDir: string): void {
  rmSync(join(dataDir, 'instance.json'), { force: true })
}

/** The instance that runs there; null where none does. */
export function readInstanceFile(dataDir: string): InstanceFile | null {
  let instance: InstanceFile
  try {
    instance = JSON.parse(readFileSync(join(dataDir, 'instance.json'), 'utf8')) as InstanceFile
  } catch {
    return null
  }
  return isAlive(instance.pid) ? instance : null
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM'
  }
}
