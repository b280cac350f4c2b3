/** What a killed instance left in its log, read from a copy, so that the next start meets it untouched. */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '../../../src/core/clock.ts'
import { topicName } from '../../../src/core/record.ts'
import type { Log } from '../../../src/log/log.ts'
import { openStorage } from '../../../src/state/rocksdb-backend.ts'
import { factTables } from './facts.ts'

const inputs: Readonly<Record<string, readonly string[]>> = {
  mcq: ['answers', 'sessions', 'submissions'],
  'exam-scores': ['exam_score'],
  'open-university': ['student_info', 'student_registration', 'student_assessment', 'student_vle'],
  'student-performance': ['student_performance'],
  'adaptive-learning': ['user.attempts', 'user.sessions', 'ml.training'],
}
const referenceTopics = [
  ...['students', 'teachers', 'tests', 'questions'],
  ...['courses', 'assessments', 'vle', 'at_risk_rules'],
]
const sourceTopics = [...referenceTopics, ...Object.values(inputs).flat()]

export interface PostMortem {
  /** Records of each source topic. */
  readonly durable: ReadonlyMap<string, number>
  /** Events that the tasks committed, over all lives. */
  readonly processed: number
  /** Events that are durable and not processed. */
  readonly unprocessed: number
  /** Facts that are committed and of which ClickHouse was not known to have them. */
  readonly unwritten: number
}

export async function postMortem(dataDir: string): Promise<PostMortem> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-post-mortem-'))
  try {
    await cp(join(dataDir, 'FORMAT'), join(directory, 'FORMAT'))
    await cp(join(dataDir, 'storage'), join(directory, 'storage'), { recursive: true })
    const storage = await openStorage({
      directory,
      clock: new ManualClock(),
      durability: 'process-crash',
    })
    try {
      return await examine(storage.log)
    } finally {
      await storage.close()
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function examine(log: Log): Promise<PostMortem> {
  const durable = new Map<string, number>()
  for (const topic of sourceTopics) durable.set(topic, (await progress(log, '', [topic])).end)
  let processed = 0
  let unprocessed = 0
  let unwritten = 0
  for (const [topology, topics] of Object.entries(inputs)) {
    const { end, committed } = await progress(log, topology, topics)
    processed += committed
    unprocessed += end - committed
    const database = topology.replace('-', '_')
    const facts = factTables.filter((fact) => fact.database === database)
    const names = facts.map(({ table }) => `${database}.${table}`)
    const sunk = await progress(log, `${topology}-clickhouse`, names)
    unwritten += sunk.end - sunk.committed
  }
  return { durable, processed, unprocessed, unwritten }
}

/** Summed over the partitions; 0 where the topic was not yet made. */
async function progress(
  log: Log,
  group: string,
  topics: readonly string[],
): Promise<{ end: number; committed: number }> {
  const wanted = new Set(topics.map(topicName))
  const known = (await log.describeTopics()).filter(({ name }) => wanted.has(name))
  const partitions = known.flatMap(({ name, partitions: parts }) =>
    parts.map(({ partition, highWatermark }) => ({ topic: name, partition, highWatermark })),
  )
  const offsets = await log.committedOffsets(group, partitions)
  return {
    end: partitions.reduce((sum, { highWatermark }) => sum + highWatermark, 0),
    committed: offsets.reduce((sum, committed) => sum + (committed?.offset ?? 0), 0),
  }
}
