/** Where each feed goes on after a restart: `feeds/<hash>.json` in the data directory, written aside and renamed. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface FeedPosition {
  read(): string | undefined
  save(lastEventId: string): void
}

export function feedPosition(dataDir: string, topic: string, url: string): FeedPosition {
  const directory = join(dataDir, 'feeds')
  const hash = createHash('sha256').update(`${topic}\n${url}`).digest('hex').slice(0, 24)
  const path = join(directory, `${hash}.json`)
  return {
    read: () => {
      try {
        const { lastEventId } = JSON.parse(readFileSync(path, 'utf8')) as { lastEventId: string }
        return lastEventId
      } catch {
        // None was kept; the feed starts where its server likes.
        return undefined
      }
    },
    save: (lastEventId) => {
      mkdirSync(directory, { recursive: true })
      const aside = `${path}.${process.pid}`
      writeFileSync(aside, `${JSON.stringify({ topic, url, lastEventId })}\n`)
      renameSync(aside, path)
    },
  }
}
