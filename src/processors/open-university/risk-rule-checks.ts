/** Rules of the at-risk score that can be computed with; others are quarantined, and the rule before them stays. */
import type { AtRiskRule } from '../../facts/open-university-engagement.ts'
import type { Processor, ProcessorContext, StreamRecord } from '../processor.ts'

/** Zero takes the part out of the score. */
const weights = [
  'weight_inactivity',
  'weight_missing',
  'weight_late',
  'weight_score',
  'weight_attempts',
] as const
/** Something is divided by them. */
const divisors = ['inactivity_days_full', 'score_enough', 'attempts_full'] as const
const levels = ['medium_from', 'high_from'] as const
/** Scores stay finite numbers. */
const ruleMax = 1e9
const divisorMin = 1e-9

export class RiskRuleChecksProcessor implements Processor<unknown, AtRiskRule | null> {
  #context!: ProcessorContext

  init(context: ProcessorContext): void {
    this.#context = context
  }

  process(record: StreamRecord<unknown, AtRiskRule | null>): void {
    const reason = record.value === null ? null : riskRuleFault(record.value)
    if (reason === null) this.#context.forward(record)
    else this.#context.quarantine({ check: 'at_risk_rule_computable', level: 'Error', reason })
  }
}

/** Null where there is none. */
export function riskRuleFault(rule: AtRiskRule): string | null {
  for (const name of [...weights, ...levels]) {
    const value = rule[name]
    if (!(Number.isFinite(value) && value >= 0)) return `${name} is ${value}; expected 0 or more`
    if (value > ruleMax) return `${name} is ${value}; expected ${ruleMax} or less`
  }
  for (const name of divisors) {
    const value = rule[name]
    if (!(Number.isFinite(value) && value > 0)) return `${name} is ${value}; expected more than 0`
    if (value < divisorMin || value > ruleMax) {
      return `${name} is ${value}; expected ${divisorMin} to ${ruleMax}`
    }
  }
  const { medium_from: medium, high_from: high } = rule
  return medium > high ? `medium_from is ${medium}, above high_from ${high}` : null
}
