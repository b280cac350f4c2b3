/** A file of OULAD that is larger than the memory it is read in. */
import assert from 'node:assert/strict'
import { createWriteStream, existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { after, before, test } from 'node:test'
import { tidemark, up, type RunningInstance } from './doors-support/command.ts'

const mebibyte = 1024 * 1024
/** A column that no table has makes rows long: many bytes, and few facts to wait for. */
const noteLength = 30 * 1024
const rowsPerMebibyte = 34
const smallMebibytes = 10
const largeMebibytes = 300
/** The instance’s heap may grow to what it is allowed by its own flags before it collects. */
const growthMebibytesMax = { command: 100, instance: 200 }

let directory: string
let instance: RunningInstance

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-large-'))
  instance = await up(join(directory, 'data'), ['--topologies', 'open-university'])
})
after(async () => {
  await instance.stop()
  await rm(directory, { recursive: true })
})

async function writeClicks(path: string, rows: number): Promise<void> {
  const stream = createWriteStream(path)
  const note = 'x'.repeat(noteLength)
  stream.write('code_module,code_presentation,id_student,id_site,date,sum_click,note\n')
  for (let row = 0; row < rows; row += 1) {
    if (!stream.write(`AAA,2013J,${row % 100},${row},0,1,${note}\n`)) await once(stream, 'drain')
  }
  stream.end()
  await once(stream, 'close')
}

/** Mebibytes that the command held at most, read when it ends. */
async function peakOfImport(mebibytes: number): Promise<number> {
  const [path, peak, preload] = ['clicks.csv', 'peak', 'peak.mjs'].map((name) =>
    join(directory, name),
  ) as [string, string, string]
  await writeClicks(path, mebibytes * rowsPerMebibyte)
  await writeFile(
    preload,
    `import { writeFileSync } from 'node:fs'
process.on('exit', () => writeFileSync(${JSON.stringify(peak)}, String(process.resourceUsage().maxRSS)))\n`,
  )
  const { code, stdout, stderr } = await tidemark(
    ['import', 'oulad', path, '--wait', '--data-dir', instance.dataDir],
    ['/usr/bin/env', `NODE_OPTIONS=--import=${pathToFileURL(preload).href}`],
  )
  assert.equal(code, 0, stderr)
  assert.match(stderr, /left out column note/)
  assert.ok(stdout.includes(`student_vle: ${mebibytes * rowsPerMebibyte} events`), stdout)
  return (Number(readFileSync(peak, 'utf8')) * 1024) / mebibyte
}

/** Mebibytes that the instance has held at most so far. */
function peakOfInstance(): number {
  const status = readFileSync(`/proc/${instance.pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

const skip = !existsSync('/proc/self/status') && 'the peak of a process is read from /proc'

test('a file larger than memory is read in the memory of a small one', { skip }, async () => {
  const small = await peakOfImport(smallMebibytes)
  const instanceBefore = peakOfInstance()
  const large = await peakOfImport(largeMebibytes)
  const grown = { command: large - small, instance: peakOfInstance() - instanceBefore }
  assert.ok(grown.command < growthMebibytesMax.command, `the command: ${grown.command} MiB more`)
  assert.ok(
    grown.instance < growthMebibytesMax.instance,
    `the instance: ${grown.instance} MiB more`,
  )
  const response = await fetch(instance.url('clickhouse'), {
    method: 'POST',
    body: 'SELECT sum(click_rows) FROM open_university.fact_vle_interactions',
  })
  const rows = rowsPerMebibyte * (smallMebibytes + largeMebibytes)
  assert.equal((await response.text()).trim(), String(rows))
})
