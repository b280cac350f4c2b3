/** Results of quality checks on their way to their table. */
import type { DataQualityCheckResult } from '../../facts/exam-scores.ts'
import { loadSchema } from '../../schema/schema-files.ts'
import { avroSerde } from '../../schema/avro-serde.ts'

/** Of two results of one check on versions of one event: that of the later version. */
export function laterResult(
  a: DataQualityCheckResult,
  b: DataQualityCheckResult,
): DataQualityCheckResult {
  if (a.event_time !== b.event_time) return a.event_time > b.event_time ? a : b
  return a.payload >= b.payload ? a : b
}

export const checkResultSerde = avroSerde<DataQualityCheckResult>(
  'check results',
  1,
  loadSchema('exam_scores.data_quality_checks_results'),
)
