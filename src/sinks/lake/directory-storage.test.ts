import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { DirectoryStorage } from './directory-storage.ts'
import { storageSuite } from './lake-storage.test-suite.ts'

const directories: string[] = []
after(async () => {
  for (const directory of directories) await rm(directory, { recursive: true })
})

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-lake-'))
  directories.push(directory)
  return directory
}

storageSuite('a directory', async () => {
  const directory = await temporary()
  return new DirectoryStorage({ directory: join(directory, 'made'), clock: systemClock })
})

test('a file that was made and not put is gone when its maker closes, and was never listed', async () => {
  const directory = await temporary()
  const storage = new DirectoryStorage({ directory, clock: systemClock })
  await writeFile(await storage.workFile(), 'half')
  for await (const { path } of storage.list('')) assert.fail(`listed ${path}`)
  await storage.close()
  assert.deepEqual(await readdir(join(directory, '.work')), [])
})

test('folders that nothing is left in are gone, too', async () => {
  const directory = await temporary()
  const storage = new DirectoryStorage({ directory, clock: systemClock })
  await storage.putText('raw/a/year=2026/month=02/day=28/x', 'text')
  await storage.putText('raw/b/x', 'text')
  await storage.remove('raw/a/year=2026/month=02/day=28/x')
  assert.deepEqual(await readdir(join(directory, 'raw')), ['b'])
  await storage.close()
})

test('a directory that may not be written is told by its name', async (context) => {
  if (process.getuid?.() === 0) {
    context.skip('root may write anywhere')
    return
  }
  const directory = await temporary()
  await chmod(directory, 0o500)
  const storage = new DirectoryStorage({ directory, clock: systemClock })
  const refused = { code: 'LAKE_REFUSED', message: /correct lake\.location/ }
  await assert.rejects(storage.putText('raw/x', 'text'), refused)
})

test('a place below a file is refused, too', async () => {
  const directory = await temporary()
  await writeFile(join(directory, 'file'), '')
  const storage = new DirectoryStorage({ directory: join(directory, 'file'), clock: systemClock })
  await assert.rejects(storage.putText('raw/x', 'text'), { code: 'LAKE_REFUSED' })
})
