import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { rowsHash } from './source-files.ts'

let directory = ''
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-source-files-'))
})
after(() => rm(directory, { recursive: true }))

async function hashOf(content: string): Promise<string> {
  const path = join(directory, 'rows.csv')
  await writeFile(path, content)
  return await rowsHash(path)
}

// A file is read by 256 KiB.
const long = 'x'.repeat(256 * 1024 - 1)

test('line ends make no other rows, also where a chunk ends between the two bytes of one', async () => {
  assert.equal(await hashOf(`${long}\r\nb\r\n`), await hashOf(`${long}\nb\n`))
  assert.equal(await hashOf('\ufeffa\r\nb'), await hashOf('a\nb'))
})

test('a carriage return that ends no line is part of the rows', async () => {
  const distinct = [`${long}\rb`, `${long}b`, `${long}\r`, long, 'a\r\r\nb', 'a\r\nb', '']
  const hashes = new Set<string>()
  for (const content of distinct) hashes.add(await hashOf(content))
  assert.equal(hashes.size, distinct.length)
})
