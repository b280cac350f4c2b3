import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { anomaliesOf, anomalyNames } from './anomalies.ts'
import type { AnomalyName, Outputs } from './anomalies.ts'
import { faultPlan, faults } from './faults.ts'
import type { Deposit, Share } from './ledger-records.ts'
import { bucketCount } from './ledger-records.ts'
import { replayBuckets, replayLedger } from './replay.ts'
import type { Placed } from './replay.ts'

const depositCount = 200

/** A run without a fault, made from the replay itself. */
function flawless(): { -readonly [Name in keyof Outputs]: Outputs[Name][number][] } {
  const deposits: Placed<Deposit>[] = Array.from({ length: depositCount }, (_, sequence) => ({
    partition: sequence % 3,
    offset: Math.floor(sequence / 3) * 2,
    value: { account: `a${sequence % 12}`, sequence, amount: sequence % 7 },
  }))
  const entries = [...replayLedger(deposits)].flatMap(([partition, expected]) =>
    expected.map(({ source, ...value }, offset) => ({
      partition,
      offset,
      value: { ...value, ...originOf(source) },
    })),
  )
  const audits = entries.map(({ value }, index) => {
    const { account: _account, ...audit } = value
    return { partition: index % 3, offset: Math.floor(index / 3), value: audit }
  })
  const shares: Placed<Share>[] = deposits.map(({ value: { sequence, amount } }) => ({
    partition: (sequence % bucketCount) % 3,
    offset: sequence,
    value: { bucket: sequence % bucketCount, sequence, amount },
  }))
  const buckets = [...replayBuckets(shares)].flatMap(([partition, expected]) =>
    expected.map(({ source, ...value }, offset) => ({
      partition,
      offset,
      value: { ...value, ...originOf(source) },
    })),
  )
  return { deposits, entries, audits, shares, buckets }
}

function originOf(source: string) {
  const [partition, offset] = source.split('@').map(Number) as [number, number]
  return { source_partition: partition, source_offset: offset, made_by: 'one#1' }
}

function foundAfter(spoil: (run: ReturnType<typeof flawless>) => void): AnomalyName[] {
  const run = flawless()
  spoil(run)
  const { counts } = anomaliesOf(run)
  return anomalyNames.filter((name) => counts[name] > 0)
}

describe('the anomalies of committed outputs', () => {
  test('a flawless run has none', () => {
    assert.deepEqual(
      foundAfter(() => {}),
      [],
    )
  })

  test('a deposit without any output is lost', () => {
    const found = foundAfter(({ entries, audits, shares, buckets }) => {
      const [gone] = entries.splice(5, 1)
      const { sequence } = gone!.value
      for (const outputs of [audits, shares, buckets] as { value: { sequence: number } }[][]) {
        outputs.splice(
          outputs.findIndex(({ value }) => value.sequence === sequence),
          1,
        )
      }
    })
    assert.ok(found.includes('lost'))
    assert.ok(!found.includes('torn transaction'))
  })

  test('a share that is never counted is lost', () => {
    assert.ok(foundAfter(({ buckets }) => buckets.splice(9, 1)).includes('lost'))
  })

  test('an output twice is a duplicate where one start of an instance made both', () => {
    const found = foundAfter(({ audits }) => audits.push({ ...audits[3]!, offset: 9_999 }))
    assert.deepEqual(found, ['duplicate'])
  })

  test('an output twice is a zombie write where two made it', () => {
    const found = foundAfter(({ audits }) => {
      const { value, partition } = audits[3]!
      audits.push({ partition, offset: 9_999, value: { ...value, made_by: 'two#2' } })
    })
    assert.deepEqual(found, ['zombie write'])
  })

  test('an output of a record that is not committed comes of an aborted read', () => {
    const found = foundAfter(({ audits }) => {
      const { value } = audits[3]!
      audits.push({ partition: 0, offset: 9_999, value: { ...value, source_offset: 7_777 } })
    })
    assert.deepEqual(found, ['aborted read'])
  })

  test('one of two outputs that belong together is a torn transaction', () => {
    assert.deepEqual(
      foundAfter(({ audits }) => audits.splice(7, 1)),
      ['torn transaction'],
    )
    assert.ok(foundAfter(({ shares }) => shares.splice(7, 1)).includes('torn transaction'))
  })

  test('outputs that say something else, or come in another order, are found', () => {
    const changed = foundAfter(({ entries }) => {
      const entry = entries[11]!
      entries[11] = { ...entry, value: { ...entry.value, total: entry.value.total + 1 } }
    })
    assert.ok(changed.includes('wrong content'))
    const swapped = foundAfter(({ buckets }) => {
      const [first, second] = [buckets[0]!, buckets[1]!]
      buckets[0] = { ...first, offset: second.offset }
      buckets[1] = { ...second, offset: first.offset }
    })
    assert.deepEqual(swapped, ['wrong order'])
  })

  test('each is counted, also after the first of its partition', () => {
    const run = flawless()
    for (const index of [11, 12, 13]) {
      const entry = run.entries[index]!
      run.entries[index] = { ...entry, value: { ...entry.value, count: entry.value.count + 1 } }
    }
    assert.equal(anomaliesOf(run).counts['wrong content'], 3)
  })
})

test('the plan has each fault in each part of the run', () => {
  const rounds = 5
  const plan = faultPlan(rounds, (values) => values.toReversed())
  for (let round = 0; round < rounds; round++) {
    const part = plan.slice(round * faults.length, (round + 1) * faults.length)
    assert.deepEqual(new Set(part), new Set(faults))
  }
  assert.equal(plan.length, rounds * faults.length)
})
