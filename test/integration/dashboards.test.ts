/** What deploy/ shows and asks, against a whole instance with the samples of all five topologies. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { parser } from '@prometheus-io/lezer-promql'
import { parse } from 'yaml'
import { alertNames } from '../../src/app/alerts/alert.ts'
import { loadSamples } from '../../src/app/samples.ts'
import { allDashboards } from '../../tools/grafana/all-dashboards.ts'
import { fileOf, textOf } from '../../tools/grafana/dashboard-file.ts'
import { answerEvent, ofValues, TestInstance } from './doors-support/test-instance.ts'

const deploy = new URL('../../deploy/', import.meta.url)
const topologies = [
  ...['mcq', 'exam-scores', 'open-university', 'student-performance', 'adaptive-learning'],
]
/** Empty while all is well. */
const mayBeEmpty = [
  'Records kept in quarantine, by check',
  'Checks that fail, by the last run of each topology',
]
let instance: TestInstance
/** By metric, the names of its labels. */
let metrics: ReadonlyMap<string, ReadonlySet<string>>

before(async () => {
  instance = await TestInstance.open({ topologies })
  const { services } = instance.instance
  const never = new AbortController().signal
  for await (const line of loadSamples(services, new Set(topologies), never)) assert.ok(line)
  // Something to see in the quarantine, and among the runs.
  const bad = ofValues({ ...answerEvent('bad'), timestamp: 'yesterday' })
  await instance.post('/topics/answers?on_error=quarantine', bad)
  await services.runs.record('test', {}, never, () => Promise.resolve({}))
  await instance.idle()
  await (
    await services.jobs.start('quality.check', {})
  ).outcome
  metrics = metricsOf(await instance.metrics())
})
after(() => instance.stop())

function metricsOf(text: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const [, name = ''] of text.matchAll(/^# TYPE (\w+) /gm)) found.set(name, new Set())
  for (const [, name = '', labels = ''] of text.matchAll(/^(\w+)\{(.*)\} /gm)) {
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) found.get(name)?.add(label)
  }
  return found
}

/** As Grafana's plugin replaces them, over all time. */
function withoutMacros(sql: string): string {
  return sql
    .replaceAll(/\$__timeFilter\((\w+)\)/g, '$1 >= toDateTime(0) AND $1 <= toDateTime(4294967295)')
    .replaceAll(
      /\$__timeInterval\((\w+)\)/g,
      'toStartOfInterval(toDateTime($1), INTERVAL 3600 second)',
    )
}

/** What is wrong with an expression: its grammar is Prometheus’ own, its metrics are those of /metrics. */
function faultsOf(expression: string): readonly string[] {
  const faults: string[] = []
  parser.parse(expression).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) faults.push(`${expression}: error at ${from}`)
      const text = expression.slice(from, to)
      // Of Prometheus itself, of every target.
      if (type.name !== 'VectorSelector' || /^up\b/.test(text)) return
      const name = /^\w+/.exec(text)?.[0] ?? ''
      const labels = metrics.get(name)
      if (labels === undefined) faults.push(`${expression}: there is no metric ${name}`)
      for (const [, label = '', value = ''] of text.matchAll(/(\w+)!?="(\w*)"/g)) {
        if (label === 'alert' && !(value in alertNames)) faults.push(`${value} is no alert`)
        const isKnown = labels?.size === 0 || labels?.has(label) === true
        if (!isKnown) faults.push(`${expression}: ${name} has no label ${label}`)
      }
    },
  })
  return faults
}

describe('dashboards', () => {
  test('the files are what npm run dashboards writes, and there are no others', () => {
    for (const dashboard of allDashboards) {
      const written = readFileSync(fileOf(dashboard), 'utf8')
      assert.equal(written, textOf(dashboard), `${dashboard.uid}: run npm run dashboards`)
    }
    const files = readdirSync(new URL('grafana/dashboards/', deploy))
    assert.deepEqual(files, allDashboards.map(({ uid }) => `${uid}.json`).sort())
  })

  test('each topology has one', () => {
    const titles = allDashboards.map(({ uid }) => uid)
    for (const topology of topologies) assert.ok(titles.includes(`tidemark-${topology}`), topology)
  })

  for (const { uid, panels } of allDashboards) {
    for (const panel of panels) {
      test(`${uid}: “${panel.title}” has something to show`, async () => {
        if ('queries' in panel) {
          assert.deepEqual(Object.values(panel.queries).flatMap(faultsOf), [])
          return
        }
        const rows = await instance.rows(withoutMacros(panel.sql))
        if (!mayBeEmpty.includes(panel.title)) assert.notDeepEqual(rows, [])
        const [first = {}] = rows
        const values = Object.values(first)
        assert.ok(values.length === 0 || values.some((value) => value !== null), panel.title)
        const [column = 'time'] = Object.keys(first)
        if (panel.kind === 'timeseries') assert.equal(column, 'time')
      })
    }
  }

  test('the data sources that they name are provisioned', () => {
    const text = readFileSync(
      new URL('grafana/provisioning/datasources/tidemark.yaml', deploy),
      'utf8',
    )
    const { datasources } = parse(text) as { datasources: { uid: string; type: string }[] }
    const known = new Map(datasources.map(({ uid, type }) => [uid, type]))
    for (const dashboard of allDashboards) {
      const named = textOf(dashboard).matchAll(/"type": "([\w-]+)",\s+"uid": "(tidemark-[\w-]+)"/g)
      for (const [, type, uid = ''] of named) assert.equal(known.get(uid), type, uid)
    }
  })
})

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

describe('rules for Prometheus', () => {
  const text = readFileSync(new URL('prometheus/rules.yaml', deploy), 'utf8')
  const { groups } = parse(text) as { groups: { rules: Rule[] }[] }
  const rules = groups.flatMap((group) => group.rules)

  test('each is written in the grammar, over metrics that there are', () => {
    assert.deepEqual(
      rules.flatMap(({ expr }) => faultsOf(expr)),
      [],
    )
  })

  test('each says what is wrong and how to mend it, and names no label that it does not keep', () => {
    for (const { alert, expr, labels, annotations, for: lasting = '0s' } of rules) {
      assert.match(labels['severity'] ?? '', /^(critical|warning)$/, alert)
      assert.deepEqual(Object.keys(annotations), ['summary', 'mend'], alert)
      assert.match(lasting, /^\d+[sm]$/, alert)
      const kept = /\bby \(([\w, ]+)\)/.exec(expr)?.[1]?.split(', ') ?? ['instance']
      for (const [, label = ''] of Object.values(annotations)
        .join()
        .matchAll(/labels\.(\w+)/g)) {
        assert.ok(kept.includes(label), `${alert}: ${label}`)
      }
    }
  })

  test('whatever an instance tells has a rule', () => {
    const named = rules.map(({ alert }) => alert)
    const left = Object.keys(alertNames).filter((name) => !named.includes(`Tidemark${name}`))
    assert.deepEqual(left, ['Test'])
  })

  test('a wrong expression, an unknown metric, label and alert are found', () => {
    for (const wrong of [
      'sum by (topology (tidemark_up)',
      'rate(tidemark_records_total[5m])',
      'tidemark_lag_records{topologie="mcq"}',
      'tidemark_alerts_firing{alert="Nothing"}',
    ]) {
      assert.notDeepEqual(faultsOf(wrong), [], wrong)
    }
  })
})
