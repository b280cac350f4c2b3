/** The jobs of a lake: `lake.write`, `lake.cleanup`, `lake.validate`, `lake.summary`, `lake.report`. */
import type { Job } from '../job.ts'
import type { LakeOptions } from './lake-options.ts'
import { lakeReportJob, lakeSummaryJob } from './summary-job.ts'
import { lakeValidateJob } from './validate-job.ts'
import { lakeCleanupJob, lakeWriteJob } from './write-job.ts'

export function lakeJobs(options: LakeOptions): readonly Job[] {
  return [
    lakeWriteJob(options),
    lakeCleanupJob(options),
    lakeValidateJob(options),
    lakeSummaryJob(options),
    lakeReportJob(options),
  ] as readonly Job[]
}
