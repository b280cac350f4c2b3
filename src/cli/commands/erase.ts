import { readFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import type { EraseReport } from '../../app/erase.ts'
import type { Erasure } from '../../app/erasure-records.ts'
import { readInstanceFile } from '../../app/instance-file.ts'
import type { Configuration } from '../../app/configuration.ts'
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { JobProgress } from '../../jobs/job.ts'
import {
  configurationOf,
  once,
  reportFormatOption,
  withInstanceOptions,
  type CommonFlags,
} from '../common-options.ts'
import { untilInterrupted } from '../interruption.ts'
import { printRows } from '../print-rows.ts'
import { openProgress } from '../progress.ts'
import { UsageError } from '../usage-error.ts'

interface EraseFlags extends CommonFlags {
  readonly topology?: string
  readonly kind?: string
  readonly file?: string
  readonly list?: boolean
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly retainedOnly?: boolean
  readonly format: 'table' | 'json'
}

export function eraseCommand(): Command {
  return withInstanceOptions(new Command('erase'))
    .description('take persons out of a topology for good: events, state, facts, quarantine, lake')
    .argument('[subjects...]', 'the persons, by the identity that events name them with')
    .addOption(once('--topology <name>', 'where they are'))
    .addOption(once('--kind <kind>', 'what they are there, as student or teacher'))
    .addOption(once('--file <path>', 'a file with one more subject in each line'))
    .addOption(new Option('--dry-run', 'tell what is there of them, and change nothing'))
    .addOption(new Option('--yes', 'do it: there is no way back'))
    .addOption(
      new Option(
        '--retained-only',
        'go on where the log no longer has the first events',
      ).hideHelp(),
    )
    .addOption(
      new Option('--list', 'what was asked for so far; with subjects, what of it was them'),
    )
    .addOption(reportFormatOption('how the outcome is printed'))
    .addHelpText(
      'after',
      `
Stop the instance first. Events of the persons are written over in the log, then the topology makes its state and facts again from
those that are left, as if theirs had never come. It costs a replay of the topology, so give many subjects at once.
Backups, exports, audit.jsonl and a Kafka cluster are not reached: see docs/erasure.md.

  tidemark erase s17 --topology exam-scores --dry-run
  tidemark erase --file leavers.txt --topology mcq --kind student --yes`,
    )
    .action(run)
}

async function run(words: readonly string[], flags: EraseFlags): Promise<void> {
  const configuration = configurationOf(flags)
  const names = await namesOf(words, flags)
  if (flags.list === true) {
    await list(configuration, names, flags)
    return
  }
  const { topology, dryRun = false } = flags
  if (topology === undefined) throw new UsageError('name the topology with --topology')
  if (names.length === 0) throw new UsageError('name who is to be erased, or a --file of them')
  if (!dryRun && flags.yes !== true) {
    throw new UsageError(
      `${names.length} ${names.length === 1 ? 'person' : 'persons'} would be erased from ${topology} for good: look with --dry-run, do it with --yes`,
    )
  }
  if (readInstanceFile(configuration.dataDir) !== null) {
    const message = `an instance runs on ${configuration.dataDir}: stop it first`
    throw new TidemarkError('DATA_DIR_IN_USE', message)
  }
  const interruption = untilInterrupted()
  const progress = openProgress()
  const call = {
    signal: interruption.signal,
    onProgress: ({ text, done, total }: JobProgress) => {
      progress.update(done, Math.max(total ?? done, 1), text)
    },
    onWait: (line: string) => process.stderr.write(`${line}\n`),
  }
  try {
    // Loaded only here: the engines behind it are large, and most commands need none.
    const { eraseSubjects } = await import('../../app/erase.ts')
    const { kind = null, retainedOnly = false } = flags
    const request = { topology, kind, names, dryRun, retainedOnly }
    const report = await eraseSubjects(configuration, request, call)
    if (report.erasure !== null) {
      call.onProgress({ text: 'making the facts again', done: 0, total: 1 })
      await makeFactsAgain({ ...configuration, topologies: [topology] }, call)
    }
    progress.stop()
    if (flags.format === 'json') process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
    else printReport(report)
  } finally {
    progress.stop()
    interruption.release()
  }
}

async function namesOf(words: readonly string[], { file }: EraseFlags): Promise<readonly string[]> {
  let lines: readonly string[] = []
  if (file !== undefined) {
    try {
      lines = (await readFile(file, 'utf8')).split(/\r?\n/)
    } catch (cause) {
      throw new TidemarkError('SOURCE_UNREADABLE', `${file}: ${messageOf(cause)}`, { cause })
    }
  }
  const names = [...words, ...lines].map((name) => name.trim()).filter((name) => name !== '')
  return [...new Set(names)]
}

/** An instance without doors, until nothing is left to do. */
async function makeFactsAgain(
  configuration: Configuration,
  { signal, onWait }: { readonly signal: AbortSignal; readonly onWait: (line: string) => void },
): Promise<void> {
  const { openInstance } = await import('../../app/instance.ts')
  const options = { listen: false, signal, onProgress: onWait }
  const instance = await openInstance(configuration, options)
  const interrupted = Promise.withResolvers<never>()
  const onAbort = () => {
    const message = 'the facts are not whole yet: the next start goes on'
    interrupted.reject(new TidemarkError('JOB_INTERRUPTED', message))
  }
  signal.addEventListener('abort', onAbort)
  try {
    if (signal.aborted) onAbort()
    await Promise.race([instance.services.erasures, instance.failed, interrupted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
    await instance.stop()
  }
}

function printReport(report: EraseReport): void {
  const events = report.events.filter((of) => of.events + of.mentions > 0).map((of) => ({ ...of }))
  printRows(events, ['topic', 'partition', 'before_offset', 'events', 'mentions'], 'table')
  const rows = report.rows.filter((of) => of.rows > 0).map((of) => ({ ...of }))
  if (rows.length > 0) printRows(rows, ['table', 'rows'], 'table')
  const found = `${report.quarantined} refused records, ${report.runs} records of runs`
  const of = `${report.subjects} ${report.kind}${report.subjects === 1 ? '' : 's'} of ${report.topology}`
  const total = events.reduce((sum, each) => sum + each.events, 0)
  const what = `${total} events, ${found}`
  if (report.dry_run) process.stdout.write(`${of}: ${what} would be erased; nothing was changed\n`)
  else if (report.erasure === null) process.stdout.write(`${of}: nothing was found\n`)
  else process.stdout.write(`${of}: ${what} erased; the request is ${report.erasure}\n`)
}

async function list(
  { dataDir }: Configuration,
  names: readonly string[],
  { format }: EraseFlags,
): Promise<void> {
  const { readErasures, subjectHashes } = await import('../../app/erasure-records.ts')
  const { ownMetaRecords } = await import('../../app/meta-records.ts')
  const erasures = await readErasures(ownMetaRecords(dataDir))
  const hashOf = names.length === 0 ? null : await subjectHashes(dataDir)
  const isNamed = ({ subjects, state }: Erasure) =>
    hashOf === null ||
    names.some((name) => subjects.includes(state === 'done' ? hashOf(name) : name))
  const rows = erasures.filter(isNamed).map(({ subjects, events, ...rest }) => ({
    ...rest,
    subjects: subjects.length,
    events: events.reduce((sum, of) => sum + of.events, 0),
  }))
  const columns = [
    'id',
    'topology',
    'kind',
    'state',
    'requested_at',
    'done_at',
    'subjects',
    'events',
  ]
  if (format === 'table' && rows.length === 0) process.stdout.write('nothing was erased\n')
  else printRows(rows, columns, format)
}
