/** One process at a time: a lock file that holds its owner's process id. */
import { open, readFile, rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

const pollMs = 100

/** Runs `action` while no other process holds the file; the lock of a process that died is taken over.
 * @throws Error after `waitMs` */
export async function withFileLock<Result>(
  path: string,
  waitMs: number,
  action: () => Promise<Result>,
): Promise<Result> {
  const giveUpAt = performance.now() + waitMs
  while (!(await acquire(path))) {
    if (performance.now() > giveUpAt) {
      throw new Error(`${path} was held by another process for ${waitMs / 1000} s`)
    }
    await delay(pollMs)
  }
  try {
    return await action()
  } finally {
    await rm(path, { force: true })
  }
}

async function acquire(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx')
    await file.writeFile(String(process.pid))
    await file.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const owner = Number(await readFile(path, 'utf8').catch(() => ''))
  // An empty file is of one who is just writing it.
  if (owner > 0 && !isAlive(owner)) await rm(path, { force: true })
  return false
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
