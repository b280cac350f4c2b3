/** What every storage of a lake promises. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { LakeObject, LakeStorage } from './lake-storage.ts'

/** @param open one that is empty, each time another */
export function storageSuite(name: string, open: () => Promise<LakeStorage>): void {
  async function withStorage(use: (storage: LakeStorage) => Promise<void>): Promise<void> {
    const storage = await open()
    try {
      await use(storage)
    } finally {
      await storage.close()
    }
  }

  async function put(storage: LakeStorage, path: string, content: string): Promise<void> {
    const file = await storage.workFile()
    await writeFile(file, content)
    await storage.putFile(path, file, null)
    assert.equal(existsSync(file), false)
  }

  async function listed(storage: LakeStorage, prefix: string): Promise<LakeObject[]> {
    const objects: LakeObject[] = []
    for await (const object of storage.list(prefix)) objects.push(object)
    return objects.sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  test(`${name}: a file is read back as it was put, whole, in pieces and in part`, () =>
    withStorage(async (storage) => {
      await put(storage, 'raw/a/year=2026/part.parquet', 'one two three')
      const path = 'raw/a/year=2026/part.parquet'
      assert.equal(String(await storage.read(path)), 'one two three')
      assert.equal(String(await storage.read(path, { start: 4, end: 7 })), 'two')
      const pieces: Uint8Array[] = []
      for await (const piece of (await storage.open(path)) ?? []) pieces.push(piece)
      assert.equal(String(Buffer.concat(pieces)), 'one two three')
      await put(storage, path, 'another')
      assert.equal(String(await storage.read(path)), 'another')
    }))

  test(`${name}: what is not there is null, and to remove it harmless`, () =>
    withStorage(async (storage) => {
      assert.equal(await storage.read('raw/none'), null)
      assert.equal(await storage.open('raw/none'), null)
      await storage.remove('raw/none')
      assert.deepEqual(await listed(storage, ''), [])
    }))

  test(`${name}: names are listed by their beginning, with size and time, until they are removed`, () =>
    withStorage(async (storage) => {
      for (const path of ['raw/ab/x', 'raw/a/x', 'raw/a/y/z', 'raw.json']) {
        await storage.putText(path, 'text')
      }
      const paths = async (prefix: string) =>
        (await listed(storage, prefix)).map(({ path }) => path)
      assert.deepEqual(await paths(''), ['raw.json', 'raw/a/x', 'raw/a/y/z', 'raw/ab/x'])
      assert.deepEqual(await paths('raw/a/'), ['raw/a/x', 'raw/a/y/z'])
      assert.deepEqual(await paths('raw/a'), ['raw/a/x', 'raw/a/y/z', 'raw/ab/x'])
      const [object] = await listed(storage, 'raw.json')
      assert.equal(object?.bytes, 4)
      assert.ok(Math.abs(object.modifiedMs - Date.now()) < 3_600_000)
      await storage.remove('raw/a/y/z')
      assert.deepEqual(await paths('raw/a/'), ['raw/a/x'])
    }))

  test(`${name}: of many that create one name exactly one does`, () =>
    withStorage(async (storage) => {
      const texts = Array.from({ length: 8 }, (_, index) => `holder ${index}`)
      const won = await Promise.all(texts.map((text) => storage.createText('_lock.json', text)))
      assert.equal(won.filter((isMine) => isMine).length, 1)
      assert.equal(String(await storage.read('_lock.json')), texts[won.indexOf(true)])
      assert.deepEqual(
        (await listed(storage, '')).map(({ path }) => path),
        ['_lock.json'],
      )
    }))
}
