import { Command, Option } from 'commander'
import { systemClock } from '../../core/clock.ts'
import { importEdnet } from '../../sources/import-ednet.ts'
import { importOulad } from '../import-oulad.ts'
import { ingestDrops } from '../ingest-drops.ts'
import type { ImportProgress, ImportReport } from '../../sources/import-report.ts'
import type { IngestPort } from '../../sources/ingest-port.ts'
import { tablesIn } from '../../sources/source-files.ts'
import { withInstanceOptions, type CommonFlags } from '../common-options.ts'
import { untilInterrupted } from '../interruption.ts'
import { openProgress } from '../progress.ts'
import { recordRun } from '../record-run.ts'
import { withClient } from '../with-client.ts'

interface ImportFlags extends CommonFlags {
  readonly wait?: boolean
}

interface Import {
  readonly directory: string
  readonly ingest: IngestPort
  readonly clock: typeof systemClock
  readonly signal: AbortSignal
  readonly onProgress: (progress: ImportProgress) => void
}

export function importCommand(): Command {
  return new Command('import')
    .description('bring a public dataset in; importing it again changes nothing')
    .addCommand(
      importer(
        'ednet',
        'EdNet KT4 (kt4/u*.csv, questions.csv): answers, sessions, submissions into mcq',
        importEdnet,
      ),
    )
    .addCommand(ouladImporter())
    .addCommand(studentPerformanceImporter())
}

function importer(
  name: string,
  description: string,
  run: (options: Import) => Promise<ImportReport>,
): Command {
  return withInstanceOptions(new Command(name))
    .description(description)
    .argument('<dir>', 'the dataset’s directory; .csv, .tsv and both gzipped')
    .addOption(new Option('--wait', 'return when the facts are queryable'))
    .action((directory: string, flags: ImportFlags) => {
      const asked = { job: `import.${name}`, request: { directory } }
      return runImport(flags, asked, (options) => run({ ...options, directory }))
    })
}

interface OuladFlags extends ImportFlags {
  readonly discover?: boolean
}

function ouladImporter(): Command {
  return withInstanceOptions(new Command('oulad'))
    .description('OULAD: its seven tables into open-university, results into exam-scores too')
    .argument('<path...>', 'the dataset’s directory, or single files; .csv, .tsv and both gzipped')
    .addOption(
      new Option('--discover', 'take every table in the directory that has the columns of one'),
    )
    .addOption(new Option('--wait', 'return when the facts are queryable'))
    .action((paths: readonly string[], flags: OuladFlags) => {
      const request = { paths, discover: flags.discover === true }
      return runImport(flags, { job: 'import.oulad', request }, (options) =>
        importOulad({ ...options, ...request }),
      )
    })
}

/** Judged file by file, as dropped ones are: what was wrong with one says nothing of the others. */
function studentPerformanceImporter(): Command {
  return withInstanceOptions(new Command('student-performance'))
    .description('UCI Student Performance: every table of the directory into student-performance')
    .argument('<dir>', 'the dataset’s directory; .csv, .tsv and both gzipped')
    .addOption(new Option('--wait', 'return when the facts are queryable'))
    .action(async (directory: string, flags: ImportFlags) => {
      const files = tablesIn(directory)
      const interruption = untilInterrupted()
      const { signal } = interruption
      try {
        await withClient(flags, async (client) => {
          const work = { job: 'import.student-performance', request: { directory }, signal }
          await recordRun<object>(client, work, () => ingestDrops(client, files, signal))
          if (flags.wait === true && !signal.aborted) await client.settle()
        })
      } finally {
        interruption.release()
      }
    })
}

async function runImport(
  flags: ImportFlags,
  asked: { readonly job: string; readonly request: object },
  run: (options: Omit<Import, 'directory'>) => Promise<ImportReport>,
): Promise<void> {
  const interruption = untilInterrupted()
  const progress = openProgress()
  try {
    await withClient(flags, async (client) => {
      const { signal } = interruption
      await recordRun(client, { ...asked, signal }, async () => {
        const report = await run({
          ingest: client.port,
          clock: systemClock,
          signal,
          onProgress: ({ file, bytesRead, bytesTotal, events }) => {
            progress.update(bytesRead, bytesTotal, `${events} events · ${file}`)
          },
        })
        progress.stop()
        printReport(report)
        return summaryOf(report)
      })
      if (interruption.signal.aborted) process.exitCode = 1
      else if (flags.wait === true) await client.settle()
    })
  } finally {
    progress.stop()
    interruption.release()
  }
}

function summaryOf({ topics, leftOut, warnings = [] }: ImportReport): object {
  return {
    topics: Object.fromEntries(topics),
    left_out: Object.fromEntries(leftOut),
    warnings,
  }
}

function printReport({ topics, leftOut, warnings = [] }: ImportReport): void {
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
  for (const [topic, { taken, refused, quarantined, firstRefusals }] of topics) {
    const wrong = [
      ...(quarantined > 0 ? [`${quarantined} quarantined`] : []),
      ...(refused > 0 ? [`${refused} refused`] : []),
    ]
    process.stdout.write(`${[`${topic}: ${taken} events`, ...wrong].join(', ')}\n`)
    for (const refusal of firstRefusals) process.stderr.write(`${refusal}\n`)
  }
  for (const [kind, count] of leftOut) process.stdout.write(`left out: ${count} ${kind}\n`)
}
