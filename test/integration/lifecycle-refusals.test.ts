/** What keeps an instance from starting is said by name, with exit code 1, and nothing is changed. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { portsOf, type Ports } from '../../src/app/ports.ts'
import { crashEvents } from './support/crash-events.ts'
import { assertSameFacts, factsOf } from './support/facts.ts'
import { batchesOf, Feed } from './support/feed.ts'
import {
  InstanceProcess,
  killAllInstances,
  type InstanceFlags,
} from './support/instance-process.ts'
import { freePortOffset } from './support/free-port-offset.ts'

let directory = ''
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-refusals-'))
})
after(async () => {
  await killAllInstances()
  await rm(directory, { recursive: true, force: true })
})

void test('a second instance on one data directory is refused, naming the process that has it', async () => {
  const flags = await flagsOf('shared')
  const first = new InstanceProcess(flags)
  await first.ready()
  const before = notesOf(flags.dataDir)
  const second = new InstanceProcess({ ...flags, portOffset: await freePortOffset() })
  await assertRefused(second, 'DATA_DIR_IN_USE', [flags.dataDir, `process ${first.pid}`])
  assert.deepEqual(notesOf(flags.dataDir), before, 'it is the first one’s as before')

  const feed = new Feed(batchesOf(crashEvents(3).slice(0, 200), 50))
  await feed.sendRest(first)
  await first.idle()
  const facts = await factsOf(first)
  assert.equal((await first.end('SIGTERM')).code, 0, first.output)
  const next = new InstanceProcess(flags)
  await next.ready()
  assertSameFacts(await factsOf(next), facts, 'after the first has ended')
  assert.equal((await next.end('SIGTERM')).code, 0, next.output)
})

for (const door of ['console', 'registry', 'ingest', 'clickhouse'] as const) {
  void test(`a port in use (${door}) is named, with the flag that helps, and the data directory is free again`, async () => {
    const flags = await flagsOf(`port-${door}`)
    const holder = await hold(portsOf(flags.portOffset)[door])
    const refused = new InstanceProcess(flags)
    const port = String(portsOf(flags.portOffset)[door])
    await assertRefused(refused, 'PORT_IN_USE', [port, '--port-offset'])
    assert.deepEqual(notesOf(flags.dataDir), { FORMAT: formatText(1) })
    await new Promise((resolve) => holder.close(resolve))
    const next = new InstanceProcess(flags)
    await next.ready()
    assert.equal((await next.end('SIGTERM')).code, 0, next.output)
  })
}

void test('a data directory of a newer format is left as it is', async () => {
  const flags = await flagsOf('newer')
  const instance = new InstanceProcess(flags)
  await instance.ready()
  assert.equal((await instance.end('SIGTERM')).code, 0, instance.output)
  writeFileSync(join(flags.dataDir, 'FORMAT'), formatText(2))
  const before = contentsOf(flags.dataDir)
  const refused = new InstanceProcess(flags)
  await assertRefused(refused, 'DATA_DIR_NEWER', [flags.dataDir, 'format 2', 'newer release'])
  assert.deepEqual(contentsOf(flags.dataDir), before)
})

async function flagsOf(name: string): Promise<InstanceFlags> {
  return { dataDir: join(directory, name), portOffset: await freePortOffset() }
}

async function assertRefused(
  instance: InstanceProcess,
  code: string,
  named: readonly string[],
): Promise<void> {
  const exit = await Promise.race([instance.exited, instance.ready().then(() => null)])
  assert.deepEqual(exit, { code: 1, signal: null }, instance.output)
  assert.ok(instance.output.includes(`${code}: `), instance.output)
  for (const name of named) assert.ok(instance.output.includes(name), `${name}: ${instance.output}`)
  assert.doesNotMatch(instance.output, /\n\s+at /, 'a message, and no stack')
}

function formatText(format: number): string {
  return `${JSON.stringify({ format, product: 'tidemark' })}\n`
}

/** The small files that say whose the directory is. */
function notesOf(dataDir: string): Record<string, string> {
  const notes = readdirSync(dataDir, { withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(
    notes.map(({ name }) => [name, readFileSync(join(dataDir, name), 'utf8')]),
  )
}

/** Every file below, by its content. */
function contentsOf(dataDir: string): Record<string, string> {
  const files = readdirSync(dataDir, { withFileTypes: true, recursive: true })
  return Object.fromEntries(
    files
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((path) => [path, createHash('sha256').update(readFileSync(path)).digest('hex')]),
  )
}

function hold(port: Ports[keyof Ports]): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', reject)
    server.unref()
    server.listen(port, '127.0.0.1', () => {
      resolve(server)
    })
  })
}
