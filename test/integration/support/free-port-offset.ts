/** Where an instance of a test's own may listen. */
import { createServer } from 'node:net'
import { portsOf } from '../../../src/app/ports.ts'
import { portOffset } from '../../../src/app/setting-readers.ts'

/** Below the ports that the system gives out by itself. */
const offsetMin = 1_000
const offsetMax = 23_000
const attemptsMax = 100

/** Shifts all four ports to free ones, and to none that an instance refuses. */
export async function freePortOffset(): Promise<number> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const offset = offsetMin + Math.floor(Math.random() * (offsetMax - offsetMin))
    if ('fault' in portOffset(offset)) continue
    const free = await Promise.all(Object.values(portsOf(offset)).map(isFree))
    if (free.every(Boolean)) return offset
  }
  throw new Error(`no four free ports in ${attemptsMax} attempts`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => {
      resolve(false)
    })
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true)
      })
    })
  })
}
