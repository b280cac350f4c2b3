/** The ClickHouse that developers start in a shell, where the tests give it a pipe. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'

const program = new URL('support/clickhouse-server.test-child.ts', import.meta.url).pathname
const queries = 20

void test('a ClickHouse in the background of a shell, with nothing to read, stays until it is told to end', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-stand-in-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const child = spawn(process.execPath, [program, join(directory, 'data'), '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  t.after(() => child.kill('SIGKILL'))
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  for (let asked = 0; asked < queries; asked += 1) {
    const answer = await fetch(`${url}/?query=${encodeURIComponent('SELECT 7')}`)
    assert.equal((await answer.text()).trim(), '7')
  }
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
})
