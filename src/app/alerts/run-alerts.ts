/** Alerts of jobs, heard from whoever records their runs: a job has failed until it succeeds, a check until it passes. */
import type { EndedRun } from '../../jobs/runs/run-recorder.ts'
import type { QualityVerdict } from '../../jobs/quality/quality-jobs.ts'
import type { QualityResult } from '../../jobs/quality/result.ts'
import type { TopologyScore } from '../../jobs/quality/score.ts'
import type { StandingAlerts } from './standing-alerts.ts'

const qualityJob = 'quality.check'

/** What is heard of a run of it. */
export interface HeardVerdict extends Pick<QualityVerdict, 'score' | 'score_min'> {
  /** That were looked at. */
  readonly topologies: readonly Pick<TopologyScore, 'topology' | 'anomalies'>[]
  readonly failures: readonly HeardFailure[]
}

export type HeardFailure = Pick<
  QualityResult,
  'topology' | 'table' | 'check' | 'level' | 'rows' | 'failed' | 'detail'
>

export function tellRun({ job, runId, state, error, result }: EndedRun, to: StandingAlerts): void {
  const failed = { name: 'JobFailed', labels: { job } } as const
  if (state === 'failed') {
    to.raise({
      ...failed,
      what: `the run ${runId} of ${job} failed: ${error ?? 'it told no reason'}`,
      mend: `mend what the text names and run it again; SELECT * FROM tidemark.runs WHERE run_id = '${runId}' has its request`,
      forMs: 0,
    })
  } else if (state === 'succeeded') {
    to.clear(failed)
    if (job === qualityJob && isVerdict(result)) tellVerdict(result, to)
  }
}

/** Of a check that was spared, because another has just run, nothing new is known. */
function isVerdict(result: object | undefined): result is HeardVerdict {
  return result !== undefined && 'failures' in result
}

function tellVerdict(verdict: HeardVerdict, to: StandingAlerts): void {
  const looked = new Set(verdict.topologies.map(({ topology }) => topology))
  // What it still finds is raised again below: the book has known it all along.
  for (const condition of to.all()) {
    const { topology } = condition.labels
    const isOfQuality =
      condition.name === 'QualityCheckFailed' || condition.name === 'AnomaliesFound'
    if (isOfQuality && (topology === undefined || looked.has(topology))) to.clear(condition)
  }
  tellFailures(verdict, to)
  tellAnomalies(verdict, to)
  const { score, score_min: scoreMin } = verdict
  if (score === null || score >= scoreMin) return
  to.raise({
    name: 'QualityCheckFailed',
    labels: { check: 'score' },
    what: `the quality score is ${score.toFixed(1)}, below ${scoreMin}`,
    mend: 'tidemark quality report tells which dimension of which topology',
    forMs: 0,
  })
}

function tellFailures({ failures }: HeardVerdict, to: StandingAlerts): void {
  for (const { topology, table, check, level, failed, rows, detail } of failures) {
    to.raise({
      name: 'QualityCheckFailed',
      labels: { topology, ...(table === '' ? {} : { table }), check },
      what: [`${level}: ${failed} of ${rows} rows fail ${check}`, detail]
        .filter(Boolean)
        .join('; '),
      mend: 'mend whoever writes them; tidemark quality report tells what is expected',
      forMs: 0,
    })
  }
}

function tellAnomalies({ topologies }: HeardVerdict, to: StandingAlerts): void {
  for (const { topology, anomalies } of topologies) {
    if (anomalies === 0) continue
    to.raise({
      name: 'AnomaliesFound',
      labels: { topology },
      what: `${anomalies} figures of ${topology} are far from what they usually are`,
      mend: 'tidemark quality report tells which; it may be that the world has changed, not the data',
      forMs: 0,
    })
  }
}
