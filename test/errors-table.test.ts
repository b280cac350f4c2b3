import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { errorTable } from '../src/core/errors.ts'
import { testFile } from './tidy/rules.ts'
import { readSource, repositoryFiles } from './tidy/sources.ts'

const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8')
const reserved = [...page.matchAll(/^- `([A-Z_]+)`:/gm)].map(([, code = '']) => code)

void test('docs/errors.md lists every code in the order of the table, with its reaction', () => {
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| ([a-z-]+) \| (.+?) \| (.+?) \|$/gm)]
  const listed = rows.map(([, code, reaction]) => [code, reaction])
  assert.deepEqual(listed, Object.entries(errorTable))
})

void test('every code is thrown somewhere, unless docs/errors.md says that it is reserved', () => {
  const product = repositoryFiles().filter(
    (path) => /^(src|topologies)\/.*\.ts$/.test(path) && !testFile.test(path),
  )
  const texts = product
    .filter((path) => path !== 'src/core/errors.ts')
    .map((path) => readSource(path).text)
  const isThrown = (code: string) => texts.some((text) => text.includes(`'${code}'`))
  const idle = Object.keys(errorTable).filter((code) => !isThrown(code))
  assert.deepEqual(idle, reserved)
})
