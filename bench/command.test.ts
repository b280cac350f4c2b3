import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Benchmark, BenchOptions } from './benchmark.ts'
import { benchmarks } from './benchmarks.ts'
import { runBench } from './command.ts'

/** The real ones, but for what takes minutes. */
const inert = Object.fromEntries(
  Object.entries(benchmarks).map(([name, benchmark]): [string, Benchmark] => [
    name,
    { ...benchmark, load: () => Promise.reject(new Error(`${name} would have run`)) },
  ]),
)

async function bench(words: readonly string[], known: Readonly<Record<string, Benchmark>> = inert) {
  let [out, err] = ['', '']
  const code = await runBench(words, known, {
    out: (text) => (out += text),
    err: (text) => (err += text),
  })
  return { code, out, err }
}

/** Tells what it was asked for. */
function asked(): { known: Record<string, Benchmark>; options: BenchOptions[] } {
  const options: BenchOptions[] = []
  const counted: Benchmark = {
    measures: 'nothing',
    records: { of: 'cells', count: 7 },
    rounds: 'turns',
    load: () =>
      Promise.resolve((given) => {
        options.push(given)
        given.log('under way')
        return Promise.resolve({ ratio_to_nothing: 1 })
      }),
  }
  const failing: Benchmark = {
    ...counted,
    load: () => Promise.reject(new Error('there is no Java here')),
  }
  return { known: { counted, failing }, options }
}

const squeezed = (text: string) => text.replaceAll(/\s+/g, ' ')

test('help names each benchmark with what it measures', async () => {
  const { code, out, err } = await bench(['--help'])
  assert.equal(code, 0)
  assert.equal(err, '')
  for (const [name, { measures }] of Object.entries(benchmarks)) {
    assert.ok(squeezed(out).includes(`${name} ${measures}`), name)
  }
  assert.match(out, /--json/)
})

test('the help of a benchmark has its flags, their defaults and what it needs', async () => {
  const { code, out } = await bench(['kafka', '--help'])
  assert.equal(code, 0)
  const text = squeezed(out)
  assert.match(text, /--records <n> answers \(default: 1000000\)/)
  assert.match(text, /--rounds <n> turns of each contender \(default: 3\)/)
  assert.match(text, /--json/)
  assert.match(text, /Needs Java 17/)
  assert.doesNotMatch(text, /--times/)
})

const wrong: readonly (readonly [words: readonly string[], told: RegExp])[] = [
  [[], /Usage: npm run bench -- NAME/],
  [['nothing'], /unknown command 'nothing'/],
  [['drop'], /Did you mean drops\?/],
  [['embedded', '--fast'], /unknown option '--fast'/],
  [['embedded', '--rounds', '2'], /unknown option '--rounds'/],
  [['instances', '--records', '2'], /unknown option '--records'/],
  [['embedded', '--records'], /argument missing/],
  [['embedded', '--records', 'many'], /'many' is invalid.*whole number from 1 up/],
  [['embedded', '--records', '1e6'], /whole number from 1 up/],
  [['embedded', '--records', '-5'], /whole number from 1 up/],
  [['embedded', '--records', '1.5'], /whole number from 1 up/],
  [['kafka', '--rounds', '0'], /whole number from 1 up/],
  [['kafka', '--rounds', '1', '--rounds', '2'], /more than once/],
  [['embedded', 'drops'], /too many arguments/],
]

for (const [words, told] of wrong) {
  test(`is refused, with a reason and without a stack: bench ${words.join(' ')}`, async () => {
    const { code, out, err } = await bench(words)
    assert.equal(code, 2)
    assert.equal(out, '')
    assert.match(err, told)
    assert.doesNotMatch(err, /^ +at /m)
  })
}

test('flags reach the benchmark; without them it has its own size', async () => {
  const { known, options } = asked()
  assert.equal((await bench(['counted', '--records', '12', '--rounds', '1'], known)).code, 0)
  assert.equal((await bench(['counted'], known)).code, 0)
  const [first, second] = options
  assert.deepEqual([first?.size, first?.rounds, first?.times], [12, 1, null])
  assert.deepEqual([second?.size, second?.rounds, second?.times], [7, 3, null])
})

test('with --json, before or after the name, the last line is one object with the seconds', async () => {
  const { known } = asked()
  for (const words of [
    ['counted', '--json'],
    ['--json', 'counted'],
  ]) {
    const { out, err } = await bench(words, known)
    const figures = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '') as Record<string, number>
    assert.equal(figures['ratio_to_nothing'], 1)
    assert.equal(typeof figures['seconds'], 'number')
    assert.equal(err, 'under way\n')
  }
})

test('a benchmark that fails ends with 1 and says why', async () => {
  const { code, out, err } = await bench(['failing'], asked().known)
  assert.deepEqual({ code, out, err }, { code: 1, out: '', err: 'there is no Java here\n' })
})
