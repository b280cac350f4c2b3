/** `bin/tidemark.js` beside a main program of our own, under this Node and under an older one where there is one. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, test } from 'node:test'
import { environmentDefaults, nodeFlags } from '../bin/node-flags.js'
import { present } from '../src/core/assert.ts'

const root = await mkdtemp(join(tmpdir(), 'tidemark-bin-'))
after(() => rm(root, { recursive: true, force: true }))

/** Tells how it runs; `stay` waits for a signal, `die` ends by one. */
const program = `
export async function main(words: readonly string[]): Promise<number> {
  const { UV_THREADPOOL_SIZE: threads, TIDEMARK_REEXECUTED: mark = null } = process.env
  const { pid, execArgv: flags, versions } = process
  console.log(JSON.stringify({ pid, flags, threads, mark, words, major: parseInt(versions.node) }))
  if (words[0] === 'die') process.kill(pid, 'SIGKILL')
  if (words[0] !== 'stay') return 7
  return new Promise((resolve) => {
    const timer = setInterval(() => {}, 1000)
    process.on('SIGTERM', () => {
      clearInterval(timer)
      console.log('stopped')
      resolve(5)
    })
    console.log('staying')
  })
}`

interface Told {
  readonly pid: number
  readonly flags: readonly string[]
  readonly threads: string
  readonly mark: string | null
  readonly words: readonly string[]
  readonly major: number
}

await mkdir(join(root, 'bin'))
await mkdir(join(root, 'src/cli'), { recursive: true })
await mkdir(join(root, 'node_modules/.bin'), { recursive: true })
await writeFile(join(root, 'package.json'), '{ "type": "module" }')
await writeFile(join(root, 'src/cli/main.ts'), program)
for (const file of ['tidemark.js', 'node-flags.js']) {
  await copyFile(new URL(`../bin/${file}`, import.meta.url), join(root, 'bin', file))
}
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

interface Started {
  readonly child: ChildProcess
  readonly closed: Promise<unknown[]>
  readonly output: () => string
}

function start(node: string, words: readonly string[], environment = {}): Started {
  let output = ''
  const child = spawn(node, [join(root, 'bin/tidemark.js'), ...words], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  return { child, closed: once(child, 'close'), output: () => output }
}

/** What the program told, and nothing beside it was printed. */
function told(output: string): Told {
  const [line = '', ...others] = output.trimEnd().split('\n')
  assert.deepEqual(
    others.filter((other) => other !== 'staying' && other !== 'stopped'),
    [],
  )
  return JSON.parse(line) as Told
}

/** One that stays, once it stays. */
async function started(node: string): Promise<Started> {
  const running = start(node, ['stay'])
  const ended = running.closed.then(() => assert.fail(`it ended: ${running.output()}`))
  ended.catch(() => {})
  while (!running.output().includes('staying')) {
    await Promise.race([once(present(running.child.stdout, 'output'), 'data'), ended])
  }
  return running
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function runsToItsEnd(node: string): Promise<void> {
  const { closed, output } = start(node, ['sql', '--question', 'two words'])
  assert.deepEqual(await closed, [7, null], output())
  const { pid, major, ...rest } = told(output())
  assert.deepEqual(rest, {
    flags: nodeFlags,
    threads: environmentDefaults.UV_THREADPOOL_SIZE,
    mark: null,
    words: ['sql', '--question', 'two words'],
  })
  assert.ok(major >= 22)
  assert.equal(isAlive(pid), false)
}

void test('the program gets the words, runs under the flags of the product, and its exit code comes back', () =>
  runsToItsEnd(process.execPath))

void test('the process that was started becomes the program, and a signal to it is the program’s', async () => {
  const { child, closed, output } = await started(process.execPath)
  assert.equal(told(output()).pid, child.pid)
  child.kill('SIGTERM')
  assert.deepEqual(await closed, [5, null], output())
})

void test('what the user sets in the environment wins over our defaults', async () => {
  const { closed, output } = start(process.execPath, ['sql'], { UV_THREADPOOL_SIZE: '3' })
  assert.deepEqual(await closed, [7, null], output())
  assert.equal(told(output()).threads, '3')
})

void test('an older Node hands over to the one that npm ci brought', needsOldNode, () =>
  runsToItsEnd(old ?? ''),
)

void test(
  'a signal to an older Node reaches the program that it handed over to, and both end',
  needsOldNode,
  async () => {
    const { child, closed, output } = await started(old ?? '')
    const { pid } = told(output())
    assert.notEqual(pid, child.pid)
    child.kill('SIGTERM')
    assert.deepEqual(await closed, [5, null], output())
    assert.equal(isAlive(pid), false)
  },
)

void test('the program stops by itself when the older Node is killed', needsOldNode, async () => {
  const { child, closed, output } = await started(old ?? '')
  child.kill('SIGKILL')
  // The output is closed once the program has ended, too.
  assert.deepEqual(await closed, [null, 'SIGKILL'], output())
  assert.match(output(), /^stopped$/m)
})

void test('an older Node ends by the signal that ended the program', needsOldNode, async () => {
  const { closed, output } = start(old ?? '', ['die'])
  assert.deepEqual(await closed, [null, 'SIGKILL'], output())
})

void test('an older Node alone says what is needed and exits with 2', needsOldNode, async () => {
  await rm(join(root, 'node_modules/.bin/node'))
  const { closed, output } = start(old ?? '', ['sql'])
  assert.deepEqual(await closed, [2, null], output())
  assert.match(output(), /needs Node 22\.18 or later, and this is /)
})
