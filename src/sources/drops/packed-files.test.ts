/** Files that come packed: the same content is one file. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { findIn, pastMs, setUp } from './drop-stage.test-support.ts'
import { fileOf, rowsOnce } from './drops.test-support.ts'
import type { FindDrops } from './known-drops.ts'

test('a content is one, packed or not, whichever comes first', async (context) => {
  const names = ['a.csv', 'a.csv.gz', 'b.csv.gz']
  const content = fileOf(0, 10)
  for (const first of names) {
    const stage = await setUp(context)
    const folder = stage.open({ find: findIn(stage) })
    for (const name of [first, ...names.filter((each) => each !== first)]) {
      const bytes = name.startsWith('b') ? gzipSync(content, { level: 1 }) : gzipSync(content)
      stage.drop(name, name.endsWith('.gz') ? bytes : content)
      await folder.scan()
    }
    const sent = await stage.sent()
    assert.equal(rowsOnce(sent).size, 10, first)
    assert.deepEqual([folder.totals.done, folder.totals.duplicates], [1, 2], first)
    const [line = ''] = stage.log().split('\n')
    assert.match(line, new RegExp(` done ${first} content=${sent[0]?.file_hash} `))
  }
})

test('a packed file that counts by its bytes as they came goes on to do so', async (context) => {
  const stage = await setUp(context)
  const packed = gzipSync(fileOf(0, 10))
  const formerHash = createHash('sha256').update(packed).digest('hex').slice(0, 32)
  const former = { fileName: 'old.csv.gz', modifiedAtMs: pastMs - 5_000 }
  const find: FindDrops = async (hashes) => {
    const known = await findIn(stage)(hashes)
    return hashes.includes(formerHash) ? new Map([...known, [formerHash, [former]]]) : known
  }
  const folder = stage.open({ find })
  stage.drop('again.csv.gz', packed)
  stage.drop('other.csv.gz', gzipSync(fileOf(10, 30)))
  await folder.scan()
  const hashes = new Set((await stage.sent()).map(({ file_hash }) => file_hash))
  assert.equal(hashes.size, 2)
  assert.ok(hashes.has(formerHash))
  assert.match(stage.log(), / duplicate again\.csv\.gz .* same_as=old\.csv\.gz /)
  assert.match(stage.log(), / done other\.csv\.gz /)
  assert.equal(stage.in('parquet').length, 2)
})
