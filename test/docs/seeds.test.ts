/** docs/seeds.md against the seeds, the tests, the commands and the tables that it names. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { codeSpans, documentedColumns, pageText, repository, seedRows } from './seeds-page.ts'

const rows = seedRows()
const seedFolder = new URL('../shared/seeds/', repository)
const needsSeeds = existsSync(seedFolder) ? {} : { skip: 'the seeds are not on this machine' }

function read(path: string): string {
  return readFileSync(new URL(path, repository), 'utf8')
}

test('every test, file and command that shows something is there', () => {
  const cli = readdirSync(new URL('src/cli/', repository), { recursive: true })
    .filter((file) => file.toString().endsWith('.ts'))
    .map((file) => read(`src/cli/${file.toString()}`))
    .join('\n')
  const faults = rows.flatMap(({ seed, firstLine, proofs }) => {
    const missing = proofs.map((proof) => proofFault(proof, cli)).filter((fault) => fault !== null)
    const none = proofs.length === 0 ? ['nothing shows it'] : []
    return [...missing, ...none].map((fault) => `${seed}, line ${firstLine}: ${fault}`)
  })
  assert.deepEqual(faults, [])
  assert.ok(rows.length > 100, `only ${rows.length} rows were read`)
})

test('a page or a source alone shows nothing, unless nothing is asked', () => {
  const isShown = (proof: string) =>
    /^(npx tidemark |npm start)/.test(proof) || /\.test\.ts( › |$)/.test(proof)
  const unproven = rows.filter(
    ({ answer, proofs }) => !answer.startsWith('nothing asked') && !proofs.some(isShown),
  )
  assert.deepEqual(
    unproven.map(({ seed, firstLine }) => `${seed}, line ${firstLine}`),
    [],
  )
})

function proofFault(proof: string, cli: string): string | null {
  if (proof.startsWith('npx tidemark ')) return commandFault(proof, cli)
  const [path = '', name] = proof.split(' › ')
  if (path === 'npm start') return null
  if (!existsSync(new URL(path, repository))) return `${path} is not there`
  if (name === undefined || hasTitle(read(path), name)) return null
  return `${path} has no test “${name}”`
}

/** Whole, or what stands behind the last value in a title. */
function hasTitle(source: string, name: string): boolean {
  const around = [`'`, '"', '`']
  return around.some(
    (quote) =>
      source.includes(`${quote}${name}${quote}`) ||
      (quote === '`' && new RegExp(`\\$\\{[^}]*\\},? ${escaped(name)}\``).test(source)),
  )
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

function commandFault(proof: string, cli: string): string | null {
  const [command = '', ...words] = proof
    .replace(/"[^"]*"/g, '')
    .split(/ +/)
    .slice(2)
  if (!existsSync(new URL(`src/cli/commands/${command}.ts`, repository))) {
    return `there is no command ${command}`
  }
  const settings = pageText('configuration.md')
  const flags = words.filter((word) => word.startsWith('--'))
  const unknown = flags.find((flag) => !cli.includes(flag) && !settings.includes(flag))
  if (unknown !== undefined) return `${command} has no flag ${unknown}`
  const question = words[words.indexOf('--question') + 1] ?? ''
  if (!words.includes('--question')) return null
  const file = new URL(`schemas/clickhouse/questions/${question}.sql`, repository)
  return existsSync(file) ? null : `there is no saved question ${question}`
}

test('every table, column and topic that answers a line is documented', () => {
  const columns = documentedColumns()
  const tables = [...columns.keys()].filter((name) => !name.startsWith('topic '))
  const databases = new Set(tables.map((name) => name.split('.')[0]))
  const faults = rows.flatMap(({ seed, firstLine, answer }) => {
    let of = ''
    return codeSpans(answer).flatMap((span) => {
      const isTable = /^[a-z_]+\.(?!yaml$)[a-z_]+$/.test(span) && databases.has(span.split('.')[0])
      if (isTable || span.startsWith('topic ')) {
        of = span
        return columns.has(span) ? [] : [`${seed}, line ${firstLine}: there is no ${span}`]
      }
      // Of a table that is followed by a colon, the columns.
      if (of === '' || !answer.includes(`\`${of}\`: `) || !/^[a-z_0-9<>]+$/.test(span)) return []
      const isColumn = columns.get(of)?.has(span) ?? false
      return isColumn ? [] : [`${seed}, line ${firstLine}: ${of} has no column ${span}`]
    })
  })
  assert.deepEqual(faults, [])
})

test('every line of every seed is in one row', needsSeeds, () => {
  for (const { seed, lines } of seeds()) {
    const own = rows.filter((row) => row.seed === seed)
    const times = lines.map((_, index) => {
      const line = index + 1
      return own.filter(({ firstLine, lastLine }) => firstLine <= line && line <= lastLine).length
    })
    const left = lines.flatMap((text, index) =>
      text.trim() !== '' && times[index] === 0 ? [`${index + 1} ${text}`] : [],
    )
    assert.deepEqual(left, [], `seed ${seed}: lines in no row`)
    const twice = times.flatMap((count, index) => (count > 1 ? [index + 1] : []))
    assert.deepEqual(twice, [], `seed ${seed}: lines in more than one row`)
    assert.ok(
      own.every(({ lastLine }) => lastLine <= lines.length),
      `seed ${seed}: lines past it`,
    )
  }
})

test('every column that a seed lists is named in the row of its line', needsSeeds, () => {
  let found = 0
  for (const { seed, lines } of seeds()) {
    for (const [index, text] of lines.entries()) {
      const named = columnsIn(text)
      const row = rows.find(
        ({ seed: of, firstLine, lastLine }) =>
          of === seed && firstLine <= index + 1 && index + 1 <= lastLine,
      )
      for (const name of named) {
        const answer = row?.answer ?? ''
        assert.ok(answer.includes(name), `seed ${seed}, line ${index + 1}: ${name} is in no answer`)
        found += 1
      }
    }
  }
  assert.ok(found > 90, `only ${found} columns were found in the seeds`)
})

/** A bullet `* \`column\`` and an entry `'column': type`. */
function columnsIn(line: string): readonly string[] {
  const entry = /^ {4}'([a-z0-9_*]+)': [a-z]+/.exec(line)
  if (entry?.[1] !== undefined) return [entry[1]]
  return /^ {2}\* `/.test(line) ? codeSpans(line.replace(/:.*/, '')) : []
}

interface Seed {
  readonly seed: string
  readonly lines: readonly string[]
}

function seeds(): readonly Seed[] {
  return readdirSync(seedFolder)
    .filter((file) => /^\d{3}-.*\.md$/.test(file))
    .map((file) => ({
      seed: file.slice(0, 3),
      lines: readFileSync(new URL(file, seedFolder), 'utf8').replace(/\n$/, '').split('\n'),
    }))
}
