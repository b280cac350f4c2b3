/** `npm run bench -- NAME`: flags in, figures out; 0 done, 1 failed, 2 the words are wrong. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { messageOf } from '../src/core/errors.ts'
import type { Benchmark, Figures } from './benchmark.ts'

const roundsDefault = 3
const figureWidth = 44

export interface BenchOutput {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

interface BenchFlags {
  readonly json?: boolean
  readonly records?: number
  readonly rounds?: number
  readonly times?: number
}

/** @returns the exit code */
export async function runBench(
  words: readonly string[],
  benchmarks: Readonly<Record<string, Benchmark>>,
  output: BenchOutput,
): Promise<number> {
  try {
    await benchProgram(benchmarks, output).parseAsync(words, { from: 'user' })
    return 0
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2
    output.err(`${messageOf(thrown)}\n`)
    return 1
  }
}

function benchProgram(
  benchmarks: Readonly<Record<string, Benchmark>>,
  output: BenchOutput,
): Command {
  const program = new Command('npm run bench --')
    .description('figures as ratios of two things measured in one run, on this machine')
    .usage('NAME [flags]')
    .addOption(new Option('--json', 'the last line is one object of all figures'))
    .addHelpText(
      'after',
      '\nNAME --help says how large a benchmark is and how to change it. They want the machine for themselves.',
    )
    .helpCommand(false)
    .showHelpAfterError('(see --help)')
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => command.name() })
    .configureOutput({ writeOut: output.out, writeErr: output.err })
    .exitOverride()
  for (const [name, benchmark] of Object.entries(benchmarks)) {
    const command = benchmarkCommand(name, benchmark, output)
    command.copyInheritedSettings(program)
    program.addCommand(command)
  }
  return program
}

function benchmarkCommand(name: string, benchmark: Benchmark, output: BenchOutput): Command {
  const { measures, needs, records, rounds, times } = benchmark
  const command = new Command(name).description(measures).usage('[flags]')
  if (records !== null) {
    command.addOption(count('records', `${records.of} (default: ${records.count})`))
  }
  if (rounds !== undefined) command.addOption(count('rounds', `${rounds} (default: 3)`))
  if (times !== undefined) command.addOption(count('times', `${times} (default: 10)`))
  if (needs !== undefined) command.addHelpText('after', `\nNeeds ${needs}.`)
  return command.action(async (_flags: BenchFlags, self: Command) => {
    const flags = self.optsWithGlobals<BenchFlags>()
    const run = await benchmark.load()
    const startMs = performance.now()
    const figures = await run({
      size: flags.records ?? records?.count ?? 0,
      rounds: flags.rounds ?? roundsDefault,
      times: flags.times ?? null,
      log: (line) => output.err(`${line}\n`),
    })
    const all = { ...figures, seconds: (performance.now() - startMs) / 1000 }
    output.out(flags.json === true ? `${JSON.stringify(all)}\n` : listed(all))
  })
}

function count(name: string, description: string): Option {
  return new Option(`--${name} <n>`, description).argParser(
    (text: string, before: number | undefined) => {
      if (before !== undefined) throw new InvalidArgumentError('It was given more than once.')
      if (/^[1-9]\d{0,11}$/.test(text)) return Number(text)
      throw new InvalidArgumentError('A whole number from 1 up.')
    },
  )
}

function listed(figures: Figures): string {
  return Object.entries(figures)
    .map(([figure, value]) => `${figure.padEnd(figureWidth)} ${value}\n`)
    .join('')
}
