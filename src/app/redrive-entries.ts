/** Finds what a request names in quarantine, and sends it again. */
import type { Clock } from '../core/clock.ts'
import type { ValueCodec } from '../core/serde.ts'
import type { Log } from '../log/log.ts'
import type { AdmissionTopic } from '../quality/admission.ts'
import type { QuarantineEntry } from '../quality/quarantine.ts'
import { readQuarantine } from '../quality/read-quarantine.ts'
import { redrive } from '../quality/redrive.ts'
import type { RedriveOutcome, RedriveRequest } from '../server/console/console-app.ts'

export interface RedriveSurroundings {
  readonly log: Log
  readonly clock: Clock
  readonly topics: ReadonlyMap<string, AdmissionTopic>
  readonly quarantine: ValueCodec<QuarantineEntry>
}

export async function redriveEntries(
  { ids, topic, set, value }: RedriveRequest,
  { log, clock, topics, quarantine }: RedriveSurroundings,
): Promise<RedriveOutcome> {
  const redriven: string[] = []
  const refused: { id: string; reason: string }[] = []
  for await (const entries of readQuarantine(log, quarantine, { ids, topic })) {
    const services = { log, topics, quarantine, nowMs: clock.nowMs() }
    const report = await redrive(entries, { set, value }, services)
    redriven.push(...report.redriven)
    refused.push(...report.refused)
  }
  const seen = new Set([...redriven, ...refused.map(({ id }) => id)])
  for (const id of ids ?? []) {
    if (!seen.has(id)) refused.push({ id, reason: 'not in quarantine, or sent again before' })
  }
  return { redriven, refused }
}
