/**
 * How long a click that comes in while an import runs waits until its fact can be queried. Clicks of a module of their own
 * are sent by a schedule, whatever becomes of those before: one that waits long is not left out.
 */
import type { Instance } from '../../src/app/instance.ts'

const everyMs = 50
/** Each a key of its own, so that they lie in several partitions. */
const students = 16

export interface Freshness {
  /** No click is sent any more; resolves when all are durable. */
  end(): Promise<void>
  /** When the instance is idle: milliseconds from handing each click over until its fact was seen. */
  samples(): Promise<readonly number[]>
}

export function watchFreshness(instance: Instance): Freshness {
  const sentMs: number[] = []
  const sends: Promise<unknown>[] = []
  const seen = new Map<number, number>()
  const samples: number[] = []
  let isOver = false

  const send = () => {
    const index = sentMs.length
    sentMs.push(performance.now())
    sends.push(
      instance.services.ingest.ingest('student_vle', [{ content: clickOf(index) }], {
        onError: 'refuse',
        source: 'ingest',
      }),
    )
  }
  const look = async () => {
    for (const { id_student, site } of await newestOf(instance)) {
      const first = seen.get(id_student) ?? id_student
      for (let index = first; index <= site; index += students) {
        samples.push(performance.now() - (sentMs[index] ?? 0))
      }
      seen.set(id_student, site + students)
    }
  }
  const timer = setInterval(send, everyMs)
  const run = async () => {
    while (!isOver) {
      await look()
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  }
  const running = run()
  return {
    end: async () => {
      clearInterval(timer)
      await Promise.all(sends)
    },
    samples: async () => {
      isOver = true
      await running
      await look()
      if (samples.length !== sentMs.length) throw new Error('a click is not queryable')
      return samples
    },
  }
}

function clickOf(index: number) {
  const json = {
    event_id: `probe-${index}`,
    code_module: 'probe',
    code_presentation: '2013J',
    id_student: String(index % students),
    id_site: String(index),
    date: '0',
    sum_click: '1',
    _source_file: 'probe',
  }
  return { form: 'json', json } as const
}

/** Of each student the page that was opened last: facts of one student appear in their order. */
async function newestOf({ services }: Instance) {
  const result = await services.clickhouse.reader.query({
    query: `SELECT toInt32(id_student) AS id_student, toInt32(max(id_site)) AS site
      FROM open_university.fact_vle_interactions_versions WHERE code_module = 'probe' GROUP BY id_student`,
    format: 'JSONEachRow',
  })
  return result.json<{ id_student: number; site: number }>()
}

export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
}
