/** One test file in a process group of its own, which is gone when this returns. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestResult } from './reporter.ts'

export interface FileRun {
  readonly path: string
  readonly durationMs: number
  readonly results: readonly TestResult[]
  /** What the tests printed. */
  readonly output: string
}

export interface FileLimits {
  readonly testTimeoutMs: number
  readonly fileTimeoutMs: number
}

/** Of what a file prints, only the end is kept. */
const outputCharactersMax = 100_000

const running = new Set<number>()

/** Ends every test process: the runner itself was told to stop. */
export function stopAll(): void {
  for (const group of running) killGroup(group)
}

/** @param path of the test file, relative to `root` */
export async function runFile(root: string, path: string, limits: FileLimits): Promise<FileRun> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-test-'))
  const resultsPath = join(folder, 'results')
  const startMs = performance.now()
  try {
    const { output, end } = await runProcess(root, path, resultsPath, limits)
    const results = parseResults(await readFile(resultsPath, 'utf8').catch(() => ''))
    const durationMs = performance.now() - startMs
    const fault = faultOf(end, results)
    if (fault !== undefined) {
      results.push({ name: 'the file as a whole', outcome: 'failed', durationMs, reason: fault })
    }
    return { path, durationMs, results, output }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type End = { readonly exitCode: number } | { readonly killed: string }

function runProcess(
  root: string,
  path: string,
  resultsPath: string,
  { testTimeoutMs, fileTimeoutMs }: FileLimits,
): Promise<{ output: string; end: End }> {
  const reporter = new URL('reporter.ts', import.meta.url).href
  const flags = [
    `--test-timeout=${testTimeoutMs}`,
    `--test-reporter=${reporter}`,
    `--test-reporter-destination=${resultsPath}`,
  ]
  // Detached: a group of its own, so that whatever a test started ends with it.
  const child = spawn(process.execPath, [...flags, path], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const group = child.pid
  if (group !== undefined) running.add(group)
  let output = ''
  let killed: string | undefined
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-outputCharactersMax)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const timer = setTimeout(() => {
    killed = `ended after ${fileTimeoutMs / 1000} s: a test, or what one left open, still ran`
    if (group !== undefined) killGroup(group)
  }, fileTimeoutMs)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (exitCode, signal) => {
      clearTimeout(timer)
      // Whatever the file left running goes too, or it would hold our pipes open.
      if (group !== undefined) {
        killGroup(group)
        running.delete(group)
      }
      if (signal !== null) killed ??= `ended by ${signal}`
      const end = killed === undefined ? { exitCode: exitCode ?? 1 } : { killed }
      child.on('close', () => {
        resolve({ output, end })
      })
    })
  })
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // Nothing of the group is left.
  }
}

function parseResults(lines: string): TestResult[] {
  return lines
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as TestResult)
}

/** What is wrong with the file beyond its tests; undefined where nothing is. */
function faultOf(end: End, results: readonly TestResult[]): string | undefined {
  if ('killed' in end) return end.killed
  if (results.length === 0) return `no test ran (exit code ${end.exitCode})`
  const failed = results.some(({ outcome }) => outcome === 'failed')
  return end.exitCode === 0 || failed ? undefined : `exit code ${end.exitCode}`
}
