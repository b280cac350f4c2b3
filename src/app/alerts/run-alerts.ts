/** Alerts of jobs, heard from whoever records their runs: a job has failed until it succeeds, a check until it passes. */
import type { EndedRun } from '../../jobs/runs/run-recorder.ts'
import type { QualityVerdict } from '../../jobs/quality/quality-jobs.ts'
import type { QualityResult } from '../../jobs/quality/result.ts'
import type { TopologyScore } from '../../jobs/quality/score.ts'
import type { AlertCondition } from './alert.ts'
import type { StandingAlerts } from './standing-alerts.ts'

const qualityJob = 'quality.check'

/** What is heard of a run of it. */
export interface HeardVerdict extends Pick<QualityVerdict, 'run_id' | 'score' | 'score_min'> {
  /** That were looked at. */
  readonly topologies: readonly Pick<TopologyScore, 'topology' | 'anomalies'>[]
  readonly failures: readonly HeardFailure[]
}

export type HeardFailure = Pick<
  QualityResult,
  'topology' | 'table' | 'check' | 'level' | 'rows' | 'failed' | 'detail'
>

export class RunAlerts {
  readonly #to: StandingAlerts
  /** Of the last check that this instance made. */
  #qualityRunId: string | null = null

  constructor(to: StandingAlerts) {
    this.#to = to
  }

  tell({ job, runId, state, error, result }: EndedRun): void {
    const failed = { name: 'JobFailed', labels: { job } } as const
    if (state === 'failed') {
      this.#to.raise({
        ...failed,
        what: `the run ${runId} of ${job} failed: ${error ?? 'it told no reason'}`,
        mend: `mend what the text names and run it again; SELECT * FROM tidemark.runs WHERE run_id = '${runId}' has its request`,
        forMs: 0,
      })
    } else if (state === 'succeeded') {
      this.#to.clear(failed)
      if (job === qualityJob && result !== undefined) this.#tellQuality(result)
    }
  }

  #tellQuality(result: object): void {
    if (isVerdict(result)) {
      this.#qualityRunId = result.run_id
      tellVerdict(result, this.#to)
    } else if ('run_id' in result && result.run_id !== this.#qualityRunId) {
      // Of several instances one measures at a time, and whoever has measured last tells what there is.
      for (const condition of ofQuality(this.#to)) this.#to.handOver(condition)
    }
  }
}

/** Otherwise the check was spared, because one had just run. */
function isVerdict(result: object): result is HeardVerdict {
  return 'failures' in result
}

function ofQuality(standing: StandingAlerts): readonly AlertCondition[] {
  return standing
    .all()
    .filter(({ name }) => name === 'QualityCheckFailed' || name === 'AnomaliesFound')
}

function tellVerdict(verdict: HeardVerdict, to: StandingAlerts): void {
  const looked = new Set(verdict.topologies.map(({ topology }) => topology))
  // What it still finds is raised again below: the book has known it all along.
  for (const condition of ofQuality(to)) {
    const { topology } = condition.labels
    if (topology === undefined || looked.has(topology)) to.clear(condition)
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
