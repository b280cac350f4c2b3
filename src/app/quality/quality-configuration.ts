/** What of quality is set, put together from the settings of `quality.`. */
import type { Dimension, Level } from '../../jobs/quality/expectation.ts'
import { qualityDefaults, type QualityOptions } from '../../jobs/quality/quality-options.ts'
import type { SettingPath, SettingValues } from '../settings.ts'
import type { NamedNumber } from '../setting-readers.ts'

export interface QualityConfiguration extends QualityOptions {
  /** Between two checks that an instance makes by itself; 0 is never. */
  readonly checkIntervalMs: number
}

export function qualityConfiguration(
  values: SettingValues,
  origins: ReadonlyMap<SettingPath, string>,
  faults: string[],
): QualityConfiguration {
  const timelyMs = values['quality.timelyMs']
  const backfillMs = values['quality.backfillMs']
  if (backfillMs < timelyMs) {
    const origin = origins.get('quality.backfillMs') ?? 'quality.backfillMs'
    faults.push(`${origin}: ${backfillMs} is below quality.timelyMs, ${timelyMs}`)
  }
  const weights = weighed<Dimension>(qualityDefaults.weights, values['quality.weights'])
  if (Object.values(weights).every((weight) => weight === 0)) {
    const origin = origins.get('quality.weights') ?? 'quality.weights'
    faults.push(`${origin}: all weights are 0; one dimension at least must count`)
  }
  return {
    checkIntervalMs: values['quality.checkIntervalMs'],
    days: values['quality.days'],
    scoreMin: values['quality.scoreMin'],
    nullPercentMax: values['quality.nullPercentMax'],
    refusedPercentMax: values['quality.refusedPercentMax'],
    latePercentMax: values['quality.latePercentMax'],
    outlierPercentMax: values['quality.outlierPercentMax'],
    anomalyScore: values['quality.anomalyScore'],
    timelyMs,
    backfillMs,
    thresholds: new Map(values['quality.thresholds']),
    weights,
    levelWeights: weighed<Level>(qualityDefaults.levelWeights, values['quality.levelWeights']),
    learning: {
      days: values['quality.learnDays'],
      intervalMs: values['quality.learnIntervalMs'],
      rowsMax: values['quality.learnRowsMax'],
      scoreMin: values['quality.unusualScoreMin'],
      spread: values['quality.unusualSpread'],
      unusualPercentMax: values['quality.unusualPercentMax'],
    },
    bounds: {
      threads: values['quality.threads'],
      memoryBytesMax: values['quality.memoryBytesMax'],
      timeMaxMs: values['quality.statementTimeMaxMs'],
    },
  }
}

function weighed<Name extends string>(
  defaults: Readonly<Record<Name, number>>,
  given: readonly NamedNumber[],
): Record<Name, number> {
  return { ...defaults, ...(Object.fromEntries(given) as Partial<Record<Name, number>>) }
}
