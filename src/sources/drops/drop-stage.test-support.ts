/** For tests: a drop folder on the disk over a real log in memory, with files that are as old as a test says. */
import { appendFileSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { DropFolder, type DropFolderOptions } from './drop-folder.ts'
import { openDropFixture, schema, temporaryFolder, type DropFixture } from './drops.test-support.ts'
import type { DropSeen, FindDrops } from './known-drops.ts'

export const pastMs = Date.now() - 60_000

export interface Stage extends DropFixture {
  readonly directory: string
  /** Writes a file that has been still for long. */
  drop(name: string, content: string | Buffer, modifiedMs?: number): void
  /** As a writer that goes on. */
  append(path: string, content: string): void
  open(options?: Partial<DropFolderOptions>): DropFolder
  in(folder: string): readonly string[]
  log(): string
}

/** What the facts would know while retractions are not there yet: every drop that was sent with its last part. */
export function findIn(fixture: DropFixture): FindDrops {
  return async (hashes) => {
    const found = new Map<string, DropSeen[]>()
    for (const { file_hash, file, dropped_at, is_retracted } of await fixture.sent()) {
      if (file === null || is_retracted === true || !hashes.includes(file_hash)) continue
      const seen = { fileName: file.file_name, modifiedAtMs: dropped_at }
      found.set(file_hash, [...(found.get(file_hash) ?? []), seen])
    }
    return found
  }
}

export async function setUp(context: TestContext): Promise<Stage> {
  const folder = temporaryFolder()
  context.after(() => {
    folder.remove()
  })
  const fixture = await openDropFixture()
  const directory = folder.path
  return {
    ...fixture,
    directory,
    drop: (name, content, modifiedMs = pastMs) => {
      writeFileSync(join(directory, name), content)
      utimesSync(join(directory, name), modifiedMs / 1000, modifiedMs / 1000)
    },
    append: (path, content) => {
      const seconds = fixture.clock.nowMs() / 1000
      appendFileSync(join(directory, path), content)
      utimesSync(join(directory, path), seconds, seconds)
    },
    open: (options = {}) =>
      new DropFolder({ directory, schema, find: async () => new Map(), ...fixture, ...options }),
    in: (name) => readdirSync(join(directory, name)).sort(),
    log: () => readFileSync(join(directory, 'conversion_log.txt'), 'utf8'),
  }
}
