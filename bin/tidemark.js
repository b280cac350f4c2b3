#!/usr/bin/env node
// Plain JavaScript that any Node since 18 reads: it finds a Node new enough to run TypeScript, then hands over.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// RocksDB and ClickHouse both work in libuv's pool; its four threads would let one wait for the other. Read when the
// pool first starts, so it is set before anything else happens.
process.env.UV_THREADPOOL_SIZE ??= '8'

/** The first version that runs TypeScript without a flag. */
const needed = [22, 18]
const bundledNode = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url))

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major > needed[0] || (major === needed[0] && minor >= needed[1])) {
  const { main } = await import('../src/cli/main.ts')
  process.exitCode = await main(process.argv.slice(2))
} else if (existsSync(bundledNode) && process.env.TIDEMARK_REEXECUTED === undefined) {
  continueUnder(bundledNode)
} else {
  process.stderr.write(
    `tidemark needs Node ${needed.join('.')} or later, and this is ${process.versions.node}. ` +
      'On Linux x64 "npm ci" brings one along; elsewhere install it from https://nodejs.org.\n',
  )
  process.exitCode = 2
}

/** @param {string} node path of the executable */
function continueUnder(node) {
  const child = spawn(node, process.argv.slice(1), {
    stdio: 'inherit',
    env: { ...process.env, TIDEMARK_REEXECUTED: '1' },
  })
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to both of us; a second one would mean "stop at once".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('error', (error) => {
    process.stderr.write(`tidemark could not start ${node}: ${error.message}\n`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1
      return
    }
    // Ended by a signal: end the same way, so that a shell or a supervisor sees what happened.
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
