/** The comparison of a backfill as a job of an instance that runs. */
import { TidemarkError } from '../../core/errors.ts'
import type { Job, JobContext } from '../job.ts'
import { backfill, type BackfillOptions, type BackfillReport } from './backfill.ts'
import { readBackfillRequest, type BackfillRequest } from './backfill-request.ts'

export type OpenBackfill = (
  request: BackfillRequest,
  context: JobContext,
) => Promise<BackfillOptions>

export const backfillJobName = 'backfill'

export function backfillJob(open: OpenBackfill): Job<BackfillRequest, BackfillReport> {
  return {
    name: backfillJobName,
    parse: (json) => {
      const request = readBackfillRequest(json)
      if (request.dryRun) return request
      throw new TidemarkError(
        'REQUEST_INVALID',
        'rows are put right while no instance works on them: stop it, or compare only, with dry_run',
      )
    },
    run: async (request, context) => await backfill(await open(request, context)),
  }
}
