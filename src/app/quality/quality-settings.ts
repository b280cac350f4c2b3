/** The settings of `quality.`: how often tables are checked, from where on something is too much, and what it weighs. */
import { dimensions, levels } from '../../jobs/quality/expectation.ts'
import { qualityDefaults as defaults } from '../../jobs/quality/quality-options.ts'
import { setting } from '../setting.ts'
import {
  namedNumbers,
  wholeNumber,
  type NamedNumber,
  type Read,
  type Reading,
} from '../setting-readers.ts'

const day = 24 * 60 * 60_000
const mebibyte = 1024 * 1024
/** Weights beyond this say no more than this. */
const weightMax = 1000
const percent = numberFrom(0, 100)

export const qualitySettings = {
  'quality.checkIntervalMs': setting(60 * 60_000, wholeNumber(0, 30 * day)),
  'quality.days': setting(defaults.days, wholeNumber(1, 100_000)),
  'quality.scoreMin': setting(defaults.scoreMin, percent),
  'quality.nullPercentMax': setting(defaults.nullPercentMax, percent),
  'quality.refusedPercentMax': setting(defaults.refusedPercentMax, percent),
  'quality.latePercentMax': setting(defaults.latePercentMax, percent),
  'quality.outlierPercentMax': setting(defaults.outlierPercentMax, percent),
  'quality.anomalyScore': setting(defaults.anomalyScore, numberFrom(0.1, 1000)),
  'quality.learnDays': setting(defaults.learning.days, wholeNumber(1, 100_000)),
  'quality.learnIntervalMs': setting(defaults.learning.intervalMs, wholeNumber(0, 30 * day)),
  'quality.learnRowsMax': setting(defaults.learning.rowsMax, wholeNumber(1000, 100_000)),
  'quality.unusualPercentMax': setting(defaults.learning.unusualPercentMax, percent),
  'quality.unusualScoreMin': setting(defaults.learning.scoreMin, numberFrom(0, 1)),
  'quality.unusualSpread': setting(defaults.learning.spread, numberFrom(0, 1000)),
  'quality.timelyMs': setting(defaults.timelyMs, wholeNumber(1, 365 * day)),
  'quality.backfillMs': setting(defaults.backfillMs, wholeNumber(1, 100_000 * day)),
  'quality.thresholds': setting<readonly NamedNumber[]>([], thresholds),
  'quality.weights': setting<readonly NamedNumber[]>([], weightsOf(dimensions)),
  'quality.levelWeights': setting<readonly NamedNumber[]>([], weightsOf(levels)),
  'quality.threads': setting(defaults.bounds.threads, wholeNumber(1, 64)),
  'quality.memoryBytesMax': setting(
    defaults.bounds.memoryBytesMax,
    wholeNumber(mebibyte, 1024 * 1024 * mebibyte),
  ),
  'quality.statementTimeMaxMs': setting(defaults.bounds.timeMaxMs, wholeNumber(1000, 60 * 60_000)),
} as const

function numberFrom(least: number, most: number): Read<number> {
  return (raw) => {
    const value = typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : raw
    if (typeof value === 'number' && value >= least && value <= most) return { value }
    return { fault: `expected a number from ${least} to ${most}, found ${JSON.stringify(raw)}` }
  }
}

/** `validity=2,accuracy=1`; those that are not named keep their default. */
function weightsOf(names: readonly string[]): Read<readonly NamedNumber[]> {
  return namedNumbers(
    weightMax,
    `one of ${names.join(', ')}, = and a number from 0 to ${weightMax}`,
    (name) => names.includes(name),
  )
}

function thresholds(raw: unknown): Reading<readonly NamedNumber[]> {
  return namedNumbers(100, 'database.table/check=percent', (name) =>
    /^[A-Za-z_]\w*\.[A-Za-z_]\w*\/[\w:]+$/.test(name),
  )(raw)
}
