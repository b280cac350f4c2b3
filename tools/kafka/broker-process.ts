/**
 * One broker as a process. A shell holds it: when our end of its standard input closes, which the system does
 * however this process ends, the shell kills the broker and removes the cluster's folder.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'

/** `$1` folder to remove, `$2` log, then the command. Its first line of output is the command's process id. The folder
 * goes when the broker is gone: one that is dying still writes. */
const script = `
folder=$1; log=$2; shift 2
abandoned=
trap abandoned=1 USR1
exec 3<&0
"$@" </dev/null >>"$log" 2>&1 3<&- &
process=$!
echo $process
( cat <&3; kill -USR1 $$; kill -9 $process ) >/dev/null 2>&1 &
watch=$!
exec >/dev/null 3<&-
wait $process
code=$?
if [ "$abandoned" ]; then
  wait $process
  rm -rf "$folder"
else
  kill -9 $watch
fi
exit $code`

const running = new Map<number, string>()

// The shells' own watch comes too late for a folder that the test looks at right after.
process.on('exit', () => {
  for (const [group, folder] of running) {
    killGroup(group)
    rmSync(folder, { recursive: true, force: true })
  }
})

export interface BrokerProcessOptions {
  readonly command: readonly string[]
  /** What the broker prints. */
  readonly logPath: string
  /** Removed when this process ends without having ended the broker. */
  readonly clusterFolder: string
}

/**
 * ```
 * stopped --start--> running <--pause/resume--> paused
 *    ^                  |  |                       |
 *    '---- stop --------'  '------- kill ----------'--> stopped
 * ```
 */
export class BrokerProcess {
  readonly #options: BrokerProcessOptions
  #pid: number | undefined
  #exited: Promise<unknown> = Promise.resolve()

  constructor(options: BrokerProcessOptions) {
    this.#options = options
  }

  /** Of the broker itself, not of its shell; undefined while it does not run. */
  get pid(): number | undefined {
    return this.#pid
  }

  get logPath(): string {
    return this.#options.logPath
  }

  /** Resolves when the process runs, which is before the broker answers. */
  async spawn(): Promise<void> {
    if (this.#pid !== undefined) return
    const { command, logPath, clusterFolder } = this.#options
    closeSync(openSync(logPath, 'a'))
    const args = ['-c', script, 'kafka-broker', clusterFolder, logPath, ...command]
    // Detached: a process group of its own, ended as one.
    const shell = spawn('sh', args, { detached: true, stdio: ['pipe', 'pipe', 'ignore'] })
    const group = shell.pid
    if (group === undefined) throw await once(shell, 'error').then(([error]) => error as Error)
    running.set(group, clusterFolder)
    this.#exited = once(shell, 'exit').then(() => {
      killGroup(group)
      running.delete(group)
      this.#pid = undefined
    })
    const [line] = (await once(shell.stdout, 'data')) as [Buffer]
    this.#pid = Number.parseInt(line.toString())
  }

  /** As a clean shutdown (SIGTERM): leaders move away first. Killed after `killAfterMs`. */
  async stop(killAfterMs = 30_000): Promise<void> {
    this.#signal('SIGCONT')
    this.#signal('SIGTERM')
    const timer = setTimeout(() => this.#signal('SIGKILL'), killAfterMs)
    await this.#exited
    clearTimeout(timer)
  }

  async kill(): Promise<void> {
    this.#signal('SIGKILL')
    await this.#exited
  }

  pause(): void {
    this.#signal('SIGSTOP')
  }

  resume(): void {
    this.#signal('SIGCONT')
  }

  /** The end of what it printed. */
  output(charactersMax = 4_000): string {
    return readFileSync(this.#options.logPath, 'utf8').slice(-charactersMax)
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#pid === undefined) return
    try {
      process.kill(this.#pid, signal)
    } catch {
      // It has just ended.
    }
  }
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // Nothing of the group is left.
  }
}
