/** `npm run bench -- NAME [--json]`; `npm run bench -- --help` lists the names and what each of them measures. */
import { benchmarks } from './benchmarks.ts'
import { runBench } from './command.ts'

process.exitCode = await runBench(process.argv.slice(2), benchmarks, {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
})
