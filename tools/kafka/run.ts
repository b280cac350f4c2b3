/**
 * `npm run kafka -- start | status | stop | kill ID | pause ID | resume ID | restart ID`: brokers for a developer,
 * which outlive the command. A keeper in the background holds them and takes the commands; see `keeper.ts`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { kafkaJars } from './jars.ts'
import { KafkaUnavailable } from './java.ts'
import { askKeeper, keeperState, stateFolder, type KeeperStatus } from './keeper-state.ts'

const usage = `Kafka brokers on this machine, for development: Kafka's own, from Maven, with Java 17 or newer.

  npm run kafka -- start [--brokers 1|3] [--port 9092]   start them; one by default
  npm run kafka -- status                                what runs
  npm run kafka -- kill ID | pause ID | resume ID        fail a broker: SIGKILL, SIGSTOP, SIGCONT
  npm run kafka -- restart ID                            start a broker that was killed, on its data
  npm run kafka -- stop                                  end all; their data goes too

Clients connect to 127.0.0.1:PORT (with three brokers also PORT+1 and PORT+2).`

const commands = ['start', 'status', 'stop', 'kill', 'pause', 'resume', 'restart'] as const
type Command = (typeof commands)[number]

class UsageError extends Error {}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  if (
    error instanceof UsageError ||
    (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')
  ) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    return 2
  }
  const known = error instanceof KafkaUnavailable || error instanceof Error
  console.error(known ? error.message : error)
  return 1
})

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      brokers: { type: 'string', default: '1' },
      port: { type: 'string', default: '9092' },
      help: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  })
  const [command, id, ...rest] = positionals
  if (values.help || command === undefined) {
    console.log(usage)
    return values.help ? 0 : 2
  }
  if (!isCommand(command)) throw new UsageError(`there is no command ${command}`)
  if (rest.length > 0) throw new UsageError(`too much: ${rest.join(' ')}`)
  if (command === 'start') return start(brokerCount(values.brokers), portNumber(values.port))
  const needsId = ['kill', 'pause', 'resume', 'restart'].includes(command)
  if (needsId && !/^[1-3]$/.test(id ?? ''))
    throw new UsageError(`${command} which broker: 1, 2 or 3?`)
  if (!needsId && id !== undefined) throw new UsageError(`${command} takes no ${id}`)
  if ((await keeperState()) === undefined) {
    console.error('no brokers run: npm run kafka -- start')
    return 1
  }
  print(await askKeeper(needsId ? `${command}/${id}` : command))
  return 0
}

function isCommand(word: string): word is Command {
  return (commands as readonly string[]).includes(word)
}

function brokerCount(text: string): number {
  if (text !== '1' && text !== '3') throw new UsageError(`--brokers is 1 or 3, not ${text}`)
  return Number(text)
}

function portNumber(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_533) {
    throw new UsageError(`--port is a number from 1 to 65533, not ${text}`)
  }
  return port
}

async function start(brokers: number, port: number): Promise<number> {
  if ((await keeperState()) !== undefined) {
    console.error('brokers run already: npm run kafka -- status, or stop')
    return 1
  }
  // Here, since it may take a minute and may fail with an advice.
  await kafkaJars()
  await mkdir(stateFolder, { recursive: true })
  const logPath = join(stateFolder, 'keeper.log')
  const log = openSync(logPath, 'w')
  const path = join(dirname(fileURLToPath(import.meta.url)), 'keeper.ts')
  const keeper = spawn(process.execPath, [path, String(brokers), String(port)], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  })
  const outcome = await Promise.race([once(keeper, 'message'), once(keeper, 'exit')])
  if (outcome[0] !== 'ready') {
    console.error(await readFile(logPath, 'utf8'))
    return 1
  }
  keeper.disconnect()
  keeper.unref()
  print(await askKeeper('status'))
  return 0
}

function print({ bootstrapServers, brokers }: KeeperStatus): void {
  if (brokers.length === 0) {
    console.log('stopped')
    return
  }
  for (const { id, port, state, pid, logPath } of brokers) {
    console.log(
      `broker ${id}  127.0.0.1:${port}  ${state}${pid === undefined ? '' : ` (pid ${pid})`}  ${logPath}`,
    )
  }
  console.log(`\nexport KAFKA_BOOTSTRAP_SERVERS=${bootstrapServers}`)
}
