#!/usr/bin/env node
// Plain JavaScript that any Node since 18 reads: it finds a Node new enough to run TypeScript, and hands over to it
// with the flags that the product runs under.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { environmentDefaults, nodeFlags } from './node-flags.js'

/** The first version that runs TypeScript without a flag. */
const needed = [22, 18]
const bundledNode = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url))

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const isNewEnough = major > needed[0] || (major === needed[0] && minor >= needed[1])

/** `replaced` or `supervised` in the process that one of these has handed over to. */
const how = process.env.TIDEMARK_REEXECUTED
const isReexecuted = how !== undefined
// Not for the processes that this one starts.
delete process.env.TIDEMARK_REEXECUTED

if (isNewEnough && isReexecuted) {
  if (how === 'supervised') endWithLauncher()
  const { main } = await import('../src/cli/main.ts')
  process.exitCode = await main(process.argv.slice(2))
} else if (isNewEnough) {
  continueUnder(process.execPath)
} else if (existsSync(bundledNode) && !isReexecuted) {
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
  const words = [...nodeFlags, ...process.argv.slice(1)]
  const env = { ...environmentDefaults, ...process.env }
  if (typeof process.execve === 'function' && process.platform !== 'win32') {
    process.removeAllListeners('warning')
    process.execve(node, [node, ...words], { ...env, TIDEMARK_REEXECUTED: 'replaced' })
  }
  superviseUnder(node, words, { ...env, TIDEMARK_REEXECUTED: 'supervised' })
}

/**
 * Where a process cannot be replaced: a child that gets our signals and whose end is ours.
 * @param {string} node
 * @param {readonly string[]} words
 * @param {NodeJS.ProcessEnv} env
 */
function superviseUnder(node, words, env) {
  // By the channel the child sees that we are gone, whatever has ended us.
  const child = spawn(node, words, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env })
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

/** A launcher that is killed passes no signal on: whoever ended it meant us, so we stop as for SIGTERM. */
function endWithLauncher() {
  const end = () => process.kill(process.pid, 'SIGTERM')
  if (process.connected !== true) {
    end()
    return
  }
  process.once('disconnect', end)
  // It keeps nobody from ending by itself.
  process.channel?.unref()
}
