import assert from 'node:assert/strict'
import { test } from 'node:test'
import { riskRuleFault } from './risk-rule-checks.ts'
import { shippedRule } from './shipped-rule.test-support.ts'

const rule = { code_module: 'AAA', ...shippedRule }

test('a rule may leave a part out, and weigh the others as it likes', () => {
  assert.equal(riskRuleFault(rule), null)
  assert.equal(riskRuleFault({ ...rule, weight_late: 0, weight_missing: 500 }), null)
})

test('a rule that nothing can be computed with is told what is wrong with it', () => {
  const faults = [
    { weight_score: -1 },
    { weight_attempts: Number.NaN },
    { inactivity_days_full: 0 },
    { attempts_full: Number.POSITIVE_INFINITY },
    { medium_from: 61 },
    { high_from: 1.7e308 },
    { score_enough: 5e-324 },
  ].map((change) => riskRuleFault({ ...rule, ...change }))
  assert.deepEqual(faults, [
    'weight_score is -1; expected 0 or more',
    'weight_attempts is NaN; expected 0 or more',
    'inactivity_days_full is 0; expected more than 0',
    'attempts_full is Infinity; expected more than 0',
    'medium_from is 61, above high_from 60',
    'high_from is 1.7e+308; expected 1000000000 or less',
    'score_enough is 5e-324; expected 1e-9 to 1000000000',
  ])
})
