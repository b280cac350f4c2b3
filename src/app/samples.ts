/** What `tidemark up` brings along for a newcomer: real exam results, and a platform that is made up. */
import type { Services } from './services.ts'
import { loadFileSchema } from '../quality/file-schema.ts'
import { ingestDropFiles } from '../sources/drops/ingest-drop-files.ts'
import { importOuladScores } from '../sources/import-oulad.ts'
import { runSimulation } from '../sources/run-simulation.ts'
import { simulate } from '../sources/simulate.ts'

const ouladDirectory = new URL('../../samples/oulad/', import.meta.url).pathname
const studentsFile = new URL('../../samples/student-performance/student-mat.csv', import.meta.url)
  .pathname
const seed = 7
const students = 250
/** The past that is loaded at once. */
const pastMs = 20 * 60_000
const pastRate = 20
/** What goes on afterwards. */
const gentleRate = 5

/** Loads what the running topologies can read; a line for each sample that is durable. */
export async function* loadSamples(
  services: Services,
  topologies: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { ingest, clock } = services
  if (topologies.has('exam-scores')) {
    const { topics } = await importOuladScores({ directory: ouladDirectory, ingest, clock, signal })
    const taken = topics.get('exam_score')?.taken ?? 0
    yield `sample: ${taken} real exam results (OULAD, CC BY 4.0; samples/oulad/README.md)`
  }
  if (topologies.has('student-performance')) {
    const schema = loadFileSchema('student-performance')
    const sample = { files: [studentsFile], schema, ingest, clock, signal }
    for await (const outcome of ingestDropFiles(sample)) {
      const rows = outcome.kind === 'taken' ? outcome.file.rows_read : 0
      yield `sample: ${rows} real students (UCI, CC BY 4.0; samples/student-performance/README.md)`
    }
  }
  if (topologies.has('mcq')) {
    const past = { seed, students, rate: pastRate, durationMs: pastMs }
    const events = simulate({ ...past, startMs: clock.nowMs() - pastMs })
    const taken = await runSimulation({ events, ingest, clock, paced: false, signal })
    yield `sample: ${taken} events of a simulated test platform (${students} students)`
  }
}

/** Runs until the signal: students go on taking tests, now. */
export async function gentleSimulation(services: Services, signal: AbortSignal): Promise<void> {
  const { ingest, clock } = services
  const startMs = clock.nowMs()
  const live = { seed: Math.floor(startMs / 1000) % 2 ** 31, students, rate: gentleRate }
  const events = simulate({ ...live, startMs, durationMs: Infinity })
  await runSimulation({ events, ingest, clock, paced: true, signal })
}
