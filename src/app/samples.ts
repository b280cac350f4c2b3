/**
 * What `tidemark up` brings along for a newcomer, so that all five databases have rows: real exam results, courses and
 * students, and two platforms that are made up. All but the simulated tests are the same at every start, and
 * loading them again changes nothing.
 */
import type { Services } from './services.ts'
import { loadFileSchema } from '../quality/file-schema.ts'
import { ingestDropFiles } from '../sources/drops/ingest-drop-files.ts'
import { importOuladScores } from '../sources/import-oulad.ts'
import { importOuladTables } from '../sources/import-oulad-tables.ts'
import { runSimulation } from '../sources/run-simulation.ts'
import { simulate } from '../sources/simulate.ts'
import { simulateLearners } from '../sources/simulate-learners.ts'

interface Sample {
  readonly topology: string
  /** Resolves with a line for the operator once it is durable. */
  readonly load: (services: Services, signal: AbortSignal) => Promise<string>
}

const ouladDirectory = new URL('../../samples/oulad/', import.meta.url).pathname
const openUniversityDirectory = new URL('../../samples/open-university/', import.meta.url).pathname
const studentsFile = new URL('../../samples/student-performance/student-mat.csv', import.meta.url)
  .pathname
const seed = 7
const students = 250
/** The past that is loaded at once. */
const pastMs = 15 * 60_000
const pastRate = 20
/** What goes on afterwards. */
const gentleRate = 5
/** Two weeks that never change, so that what is printed in the documentation is what a newcomer sees. */
const practice = { seed, learners: 60, startMs: Date.UTC(2026, 0, 5), days: 14 }

const samples: readonly Sample[] = [
  { topology: 'exam-scores', load: loadExamResults },
  { topology: 'student-performance', load: loadStudents },
  { topology: 'open-university', load: loadPresentations },
  { topology: 'adaptive-learning', load: loadPractice },
  { topology: 'mcq', load: loadTests },
]

/** Loads what the running topologies can read; a line for each sample that is durable. */
export async function* loadSamples(
  services: Services,
  topologies: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  for (const { topology, load } of samples) {
    if (signal.aborted) return
    if (topologies.has(topology)) yield `sample: ${await load(services, signal)}`
  }
}

async function loadExamResults({ ingest, clock }: Services, signal: AbortSignal): Promise<string> {
  const { topics } = await importOuladScores({ directory: ouladDirectory, ingest, clock, signal })
  const taken = topics.get('exam_score')?.taken ?? 0
  return `${taken} real exam results (OULAD, CC BY 4.0; samples/oulad/README.md)`
}

async function loadStudents({ ingest, clock }: Services, signal: AbortSignal): Promise<string> {
  const schema = loadFileSchema('student-performance')
  let rows = 0
  for await (const outcome of ingestDropFiles({
    files: [studentsFile],
    schema,
    ingest,
    clock,
    signal,
  })) {
    if (outcome.kind === 'taken') rows += outcome.file.rows_read
  }
  return `${rows} real students (UCI, CC BY 4.0; samples/student-performance/README.md)`
}

async function loadPresentations(
  { ingest, clock }: Services,
  signal: AbortSignal,
): Promise<string> {
  const paths = [openUniversityDirectory]
  const { topics } = await importOuladTables({ paths, ingest, clock, signal })
  const enrolments = topics.get('student_info')?.taken ?? 0
  const clicks = topics.get('student_vle')?.taken ?? 0
  return `${enrolments} real enrolments with ${clicks} rows of clicks (OULAD, CC BY 4.0; samples/open-university/README.md)`
}

async function loadPractice({ ingest, clock }: Services, signal: AbortSignal): Promise<string> {
  const events = simulateLearners(practice)
  const taken = await runSimulation({ events, ingest, clock, paced: false, signal })
  return `${taken} events of a simulated practice platform (${practice.learners} learners)`
}

async function loadTests({ ingest, clock }: Services, signal: AbortSignal): Promise<string> {
  const past = { seed, students, rate: pastRate, durationMs: pastMs }
  const events = simulate({ ...past, startMs: clock.nowMs() - pastMs })
  const taken = await runSimulation({ events, ingest, clock, paced: false, signal })
  return `${taken} events of a simulated test platform (${students} students)`
}

/** Runs until the signal: students go on taking tests, now. */
export async function gentleSimulation(services: Services, signal: AbortSignal): Promise<void> {
  const { ingest, clock } = services
  const startMs = clock.nowMs()
  const live = { seed: Math.floor(startMs / 1000) % 2 ** 31, students, rate: gentleRate }
  const events = simulate({ ...live, startMs, durationMs: Infinity })
  await runSimulation({ events, ingest, clock, paced: true, signal })
}
