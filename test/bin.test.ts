/** `bin/tidemark.js` beside a main program of our own, under this Node and under an older one where there is one. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, test } from 'node:test'

const root = await mkdtemp(join(tmpdir(), 'tidemark-bin-'))
after(() => rm(root, { recursive: true, force: true }))

const program = `
export async function main(words: readonly string[]): Promise<number> {
  console.log(JSON.stringify([Number(process.versions.node.split('.')[0]) >= 22, process.env['UV_THREADPOOL_SIZE'], words]))
  if (words[0] !== 'stay') return 7
  return new Promise((resolve) => {
    const timer = setInterval(() => {}, 1000)
    process.on('SIGTERM', () => {
      console.log('SIGTERM')
      clearInterval(timer)
      resolve(5)
    })
    console.log('staying')
  })
}`
await mkdir(join(root, 'bin'))
await mkdir(join(root, 'src/cli'), { recursive: true })
await mkdir(join(root, 'node_modules/.bin'), { recursive: true })
await writeFile(join(root, 'package.json'), '{ "type": "module" }')
await writeFile(join(root, 'src/cli/main.ts'), program)
await copyFile(new URL('../bin/tidemark.js', import.meta.url), join(root, 'bin/tidemark.js'))
await symlink(process.execPath, join(root, 'node_modules/.bin/node'))

/** A Node on this machine that cannot run TypeScript. */
function oldNode(): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(folder, 'node')
    if (!existsSync(candidate)) continue
    const version = execFileSync(candidate, ['--version'], { encoding: 'utf8' })
    if (Number(/^v(\d+)/.exec(version)?.[1]) < 22) return candidate
  }
  return undefined
}

const old = oldNode()
const needsOldNode = old === undefined ? { skip: 'no Node before 22 is on this machine' } : {}

function start(node: string, ...words: string[]): { child: ChildProcess; output: () => string } {
  let output = ''
  const child = spawn(node, [join(root, 'bin/tidemark.js'), ...words], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  return { child, output: () => output }
}

async function runsToItsEnd(node: string): Promise<void> {
  const { child, output } = start(node, 'sql', '--question', 'two words')
  assert.deepEqual(await once(child, 'close'), [7, null])
  assert.equal(output(), '[true,"8",["sql","--question","two words"]]\n')
}

void test('the words go to the program and its exit code comes back', () =>
  runsToItsEnd(process.execPath))

void test('an older Node hands over to the one that npm ci brought', needsOldNode, () =>
  runsToItsEnd(old ?? ''),
)

void test(
  'a signal to an older Node reaches the program that it handed over to',
  needsOldNode,
  async () => {
    const { child, output } = start(old ?? '', 'stay')
    const closed = once(child, 'close')
    while (!output().includes('staying')) await once(child.stdout!, 'data')
    child.kill('SIGTERM')
    assert.deepEqual(await closed, [5, null])
    assert.ok(output().includes('SIGTERM'))
  },
)

void test('an older Node alone says what is needed and exits with 2', needsOldNode, async () => {
  await rm(join(root, 'node_modules/.bin/node'))
  const { child, output } = start(old ?? '', 'sql')
  assert.deepEqual(await once(child, 'close'), [2, null])
  assert.match(output(), /needs Node 22\.18 or later, and this is /)
})
