/**
 * A rule of the at-risk score as it was given, and how the table of the latest ones keeps it. Of two rules of one
 * millisecond, as the lines of a file are, a table keeps the one with the greater bytes: so the row of the file stands first
 * in them, and the later line counts. Rules of no file have row 0.
 */
import type { Serde } from '../../core/serde.ts'
import type { AtRiskRule } from '../../facts/open-university-engagement.ts'
import { avroSerde } from '../../schema/avro-serde.ts'
import { loadSchema } from '../../schema/schema-files.ts'
import { placeOf } from './versions.ts'

export interface GivenRule extends AtRiskRule {
  /** Hash of the file's content, `:`, number of the row; null where it came from none. */
  readonly _source_row: string | null
}

interface StoredRule {
  /** Big-endian, so that the greater number has the greater bytes. */
  readonly row: Buffer
  readonly rule: GivenRule
}

const rowBytes = 8

const storedSchema = {
  type: 'record',
  name: 'StoredRule',
  fields: [
    { name: 'row', type: { type: 'fixed', name: 'Row', size: rowBytes } },
    { name: 'rule', type: loadSchema('at_risk_rules') },
  ],
}

/** Of rules that did not know of which row of a file they are. */
const earlierSchema = {
  type: 'record',
  name: 'AtRiskRule',
  fields: [
    { name: 'code_module', type: 'string' },
    { name: 'weight_inactivity', type: 'double' },
    { name: 'weight_missing', type: 'double' },
    { name: 'weight_late', type: 'double' },
    { name: 'weight_score', type: 'double' },
    { name: 'weight_attempts', type: 'double' },
    { name: 'inactivity_days_full', type: 'double' },
    { name: 'score_enough', type: 'double' },
    { name: 'attempts_full', type: 'double' },
    { name: 'medium_from', type: 'double' },
    { name: 'high_from', type: 'double' },
  ],
}

const storedSerde = avroSerde<StoredRule>('at-risk rule', 2, storedSchema, [
  {
    layout: 1,
    schema: earlierSchema,
    upgrade: (rule: AtRiskRule) => storedOf({ ...rule, _source_row: null }),
  },
])

function storedOf(rule: GivenRule): StoredRule {
  const row = Buffer.alloc(rowBytes)
  row.writeBigUInt64BE(BigInt(placeOf(rule._source_row)?.row ?? 0))
  return { row, rule }
}

export const givenRuleSerde: Serde<GivenRule> = {
  serialize: (rule) => storedSerde.serialize(storedOf(rule)),
  deserialize: (bytes) => storedSerde.deserialize(bytes).rule,
}

/** What the table of rules has of it. */
export function ruleOf({ _source_row: _, ...rule }: GivenRule): AtRiskRule {
  return rule
}
