/**
 * EdNet KT4 into the topics of the test platform: `questions` is the answer key, `kt4/u*.csv` one student's
 * actions each. A bundle is a test, with as many questions as the key has of it. Source: Choi et al., "EdNet",
 * arXiv 1912.03072. What each action becomes: `ednet-actions.ts`.
 */
import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { EdnetStudent, type EdnetAction } from './ednet-actions.ts'
import { columnsOf } from './import-oulad.ts'
import type { ImportProgress, ImportReport } from './import-report.ts'
import type { IngestPort, RefusalPolicy } from './ingest-port.ts'
import { RecordSender } from './record-sender.ts'
import { findTable, openFile, tableExtensions } from './source-files.ts'
import { openTable, type TableRow } from './table-rows.ts'

export interface EdnetImportOptions {
  readonly directory: string
  readonly ingest: IngestPort
  readonly clock: Clock
  /** Absent: quarantine. */
  readonly onError?: RefusalPolicy
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ImportProgress) => void
}

const topics = ['questions', 'tests', 'students', 'sessions', 'answers', 'submissions'] as const
type EdnetTopic = (typeof topics)[number]
const rowBytesMax = 64 * 1024

/** @throws TidemarkError SOURCE_UNREADABLE, naming what was looked for */
export async function importEdnet(options: EdnetImportOptions): Promise<ImportReport> {
  const key = findTable(options.directory, 'questions')
  const files = actionFiles(options.directory)
  return new EdnetImport(options).run(key, files)
}

/** In `kt4/`, `KT4/` or the directory itself, by name. */
function actionFiles(directory: string): readonly string[] {
  const places = [join(directory, 'kt4'), join(directory, 'KT4'), directory]
  const extensions = tableExtensions.map((extension) => extension.replaceAll('.', '\\.')).join('|')
  const pattern = new RegExp(`^u\\d+(${extensions})$`)
  for (const place of places.filter((each) => existsSync(each))) {
    const files = readdirSync(place).filter((name) => pattern.test(name))
    if (files.length > 0) return files.sort().map((name) => join(place, name))
  }
  throw new TidemarkError(
    'SOURCE_UNREADABLE',
    `found no action log u<number>.csv (.tsv, .gz) in ${places.join(', ')}`,
    { details: { directory } },
  )
}

class EdnetImport {
  readonly #options: EdnetImportOptions
  readonly #senders: ReadonlyMap<EdnetTopic, RecordSender>
  readonly #leftOut = new Map<string, number>()
  #events = 0

  constructor(options: EdnetImportOptions) {
    this.#options = options
    const { ingest, clock, onError = 'quarantine', signal } = options
    this.#senders = new Map(
      topics.map((topic) => [
        topic,
        new RecordSender({ ingest, clock, topic, onError, source: 'file', signal }),
      ]),
    )
  }

  async run(key: string, files: readonly string[]): Promise<ImportReport> {
    const bundleOf = await this.#questions(key)
    for (const [index, path] of files.entries()) {
      await this.#student(path, bundleOf)
      this.#options.onProgress?.({
        file: path,
        filesDone: index + 1,
        filesTotal: files.length,
        bytesRead: 0,
        bytesTotal: 0,
        events: this.#events,
      })
    }
    for (const sender of this.#senders.values()) await sender.flush()
    const totals = [...this.#senders].map(([topic, sender]) => [topic, sender.totals] as const)
    return { topics: new Map(totals), leftOut: this.#leftOut }
  }

  /** Answers the bundle of each question. */
  async #questions(path: string): Promise<ReadonlyMap<string, string>> {
    const bundleOf = new Map<string, string>()
    const tests = new Map<string, { questions: number; deployedMs: number }>()
    const names = ['question_id', 'bundle_id', 'correct_answer', 'deployed_at']
    for await (const { row, cells } of this.#rows(path, names)) {
      const [question = '', bundle = '', correct = '', deployed = ''] = cells
      bundleOf.set(question, bundle)
      const deployedMs = Number(deployed)
      const test = tests.get(bundle) ?? { questions: 0, deployedMs }
      test.questions++
      test.deployedMs = Math.min(test.deployedMs, deployedMs)
      tests.set(bundle, test)
      const value = {
        question_id: question,
        test_id: bundle,
        correct_option: correct === '' ? null : correct,
      }
      await this.#send('questions', value, deployedMs, path, row)
    }
    for (const [test_id, { questions, deployedMs }] of tests) {
      await this.#send('tests', { test_id, total_questions: questions }, deployedMs, path, null)
    }
    return bundleOf
  }

  async #student(path: string, bundleOf: ReadonlyMap<string, string>): Promise<void> {
    const student_id = basename(path).replace(/\..*$/, '')
    const student = new EdnetStudent(student_id, bundleOf)
    const names = ['timestamp', 'action_type', 'item_id', 'user_answer']
    let isKnown = false
    for await (const { row, cells } of this.#rows(path, names)) {
      const action = actionOf(cells)
      if (!isKnown) {
        isKnown = true
        await this.#send('students', { student_id }, action.timestampMs, path, null)
      }
      const event = student.event(action)
      if (event === null) this.#leave(action.kind)
      else await this.#send(event.topic, event.value, action.timestampMs, path, row)
    }
  }

  async *#rows(
    path: string,
    names: readonly string[],
  ): AsyncGenerator<{ row: TableRow; cells: readonly (string | undefined)[] }> {
    const { header, rows } = await openTable(openFile(path).chunks, path, rowBytesMax)
    const columns = columnsOf(path, header.columns, names)
    for await (const found of rows) {
      for (const row of found) {
        if (row.cells === null) this.#leave(`unreadable: ${row.fault}`)
        else yield { row, cells: columns.map((index) => row.cells?.[index]) }
      }
    }
  }

  #leave(kind: string): void {
    this.#leftOut.set(kind, (this.#leftOut.get(kind) ?? 0) + 1)
  }

  async #send(
    topic: EdnetTopic,
    json: Readonly<Record<string, unknown>>,
    timestampMs: number,
    path: string,
    row: TableRow | null,
  ): Promise<void> {
    this.#events++
    const sent = this.#senders.get(topic)?.add(
      {
        content: { form: 'json', json },
        // A time that is none is left to the schema, which names the field.
        timestampMs: Number.isSafeInteger(timestampMs) ? timestampMs : undefined,
        location: row === null ? path : `${path}:${row.line}`,
      },
      300,
    )
    if (sent !== undefined) await sent
  }
}

function actionOf([time = '', kind = '', item = '', userAnswer = '']: readonly (
  string | undefined
)[]): EdnetAction {
  return { timestampMs: time === '' ? Number.NaN : Number(time), kind, item, userAnswer }
}
