/** The repository tests itself: order of folders, cycles, sizes, leftovers, dead files, words, links. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import ts from 'typescript'
import {
  entryPoints,
  folderOrder,
  limits,
  mayPrint,
  packageRules,
  programsToCome,
  testFile,
} from './tidy/rules.ts'
import {
  commentsOf,
  isCode,
  lineOf,
  readSource,
  repositoryFiles,
  root,
  walk,
  type Source,
} from './tidy/sources.ts'

const files = repositoryFiles()
const sources = files.filter((path) => /\.ts$/.test(path)).map(readSource)
const byPath = new Map(sources.map((source) => [source.path, source]))
const productSources = sources.filter(
  ({ path }) => /^(src|topologies)\//.test(path) && !testFile.test(path),
)

function none(problems: readonly string[]): void {
  assert.deepEqual(problems, [])
}

function folderOf(path: string | undefined): string | undefined {
  return /^src\/([^/]+)\//.exec(path ?? '')?.[1]
}

void test('a folder of src imports only from folders below it', () => {
  const rank = new Map<string, number>(folderOrder.map((folder, index) => [folder, index]))
  const problems: string[] = []
  for (const { path, imports } of productSources) {
    const from = folderOf(path)
    if (from === undefined) continue
    if (!rank.has(from)) problems.push(`src/${from} is not in the order of folders`)
    for (const { file } of imports) {
      const to = folderOf(file)
      if (to !== undefined && (rank.get(to) ?? -1) < (rank.get(from) ?? 0)) {
        problems.push(`${path} imports ${file} from above`)
      }
      if (file?.startsWith('topologies/') && file !== 'topologies/') {
        problems.push(`${path} imports ${file}; a topology is loaded by its path`)
      }
    }
  }
  none(problems)
})

void test('a package that belongs to one folder is imported there only', () => {
  const problems: string[] = []
  for (const { path, imports } of sources) {
    for (const { specifier } of imports) {
      const rule = packageRules.find(({ packages }) => packages.test(specifier))
      if (rule === undefined || rule.onlyIn.some((place) => path.startsWith(place))) continue
      problems.push(`${path} imports ${specifier}, which only ${rule.onlyIn.join(', ')} may`)
    }
  }
  none(problems)
})

void test('no files import each other in a circle', () => {
  const problems: string[] = []
  const state = new Map<string, 'open' | 'done'>()
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      problems.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
      return
    }
    state.set(path, 'open')
    for (const { file, typeOnly } of byPath.get(path)?.imports ?? []) {
      if (file !== undefined && !typeOnly && byPath.has(file)) visit(file, [...trail, path])
    }
    state.set(path, 'done')
  }
  for (const { path } of sources) visit(path, [])
  none(problems)
})

void test('files and functions stay short, and those that are long only shrink', () => {
  const allowed = JSON.parse(
    readFileSync(new URL('tidy/ratchet.json', import.meta.url), 'utf8'),
  ) as Record<string, number>
  const sizes = new Map<string, number>()
  for (const source of sources) {
    if (source.lineCount > limits.fileLines) sizes.set(source.path, source.lineCount)
    if (testFile.test(source.path)) continue
    for (const { name, lines } of functionsOf(source)) {
      const place = `${source.path} ${name}`
      if (lines > limits.functionLines) sizes.set(place, Math.max(lines, sizes.get(place) ?? 0))
    }
  }
  const problems: string[] = []
  for (const [place, lines] of sizes) {
    const most = allowed[place]
    if (most === undefined) problems.push(`${place} has ${lines} lines: split it`)
    else if (lines > most) problems.push(`${place} grew from ${most} to ${lines} lines: split it`)
    else if (lines < most)
      problems.push(`${place} shrank to ${lines} lines: say so in ratchet.json`)
  }
  for (const place of Object.keys(allowed)) {
    if (!sizes.has(place)) problems.push(`${place} is short now: take it out of ratchet.json`)
  }
  none(problems)
})

function functionsOf(source: Source): { name: string; lines: number }[] {
  const functions: { name: string; lines: number }[] = []
  walk(source.tree, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return
    const named: ts.Declaration = ts.isVariableDeclaration(node.parent) ? node.parent : node
    const name = ts.getNameOfDeclaration(named)?.getText(source.tree) ?? 'anonymous'
    const end = source.tree.getLineAndCharacterOfPosition(node.end).line + 1
    functions.push({ name, lines: end - lineOf(source, node) + 1 })
  })
  return functions
}

void test('nothing is left over from writing: notes to oneself, prints, debuggers, tests run alone', () => {
  const note = new RegExp(
    `\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`,
  )
  const problems: string[] = []
  for (const path of files.filter(isText)) {
    const lines = readFileSync(join(root, path), 'utf8').split('\n')
    for (const [index, line] of lines.entries()) {
      if (note.test(line)) problems.push(`${path}:${index + 1} ${line.trim()}`)
    }
  }
  for (const source of sources) {
    walk(source.tree, (node) => {
      const place = () => `${source.path}:${lineOf(source, node)}`
      if (ts.isDebuggerStatement(node)) problems.push(`${place()} stops in a debugger`)
      if (!ts.isPropertyAccessExpression(node)) return
      const object = node.expression.getText(source.tree)
      if (object === 'console' && !mayPrint.test(source.path)) problems.push(`${place()} prints`)
      const isTestCall = /^(test|it|describe|suite)$/.test(object)
      if (isTestCall && /^(only|todo)$/.test(node.name.text)) {
        problems.push(`${place()} has ${object}.${node.name.text}`)
      }
    })
  }
  none(problems)
})

void test('no code is commented out', () => {
  const problems = sources.flatMap((source) =>
    commentsOf(source)
      .filter(({ text }) => isCode(text))
      .map(({ line, text }) => `${source.path}:${line} ${text}`),
  )
  none(problems)
})

void test('the machine’s clock is read in one place', () => {
  const reads: string[] = []
  for (const source of productSources) {
    walk(source.tree, (node) => {
      const reader = node.getText(source.tree)
      const isNow = ts.isPropertyAccessExpression(node) && /^(Date|performance)\.now$/.test(reader)
      const isNew = ts.isNewExpression(node) && /^new Date(\(\))?$/.test(reader)
      if (isNow || isNew) reads.push(`${source.path} ${reader}`)
    })
  }
  assert.deepEqual(reads, ['src/core/clock.ts Date.now', 'src/core/clock.ts performance.now'])
})

void test('every file of src is reached from a program or a test', () => {
  const reached = new Set<string>()
  const reach = (path: string): void => {
    if (reached.has(path)) return
    reached.add(path)
    for (const { file } of byPath.get(path)?.imports ?? []) {
      if (file !== undefined && byPath.has(file)) reach(file)
    }
  }
  const products = sources.filter(({ path }) => entryPoints.some((entry) => entry.test(path)))
  for (const { path } of products) reach(path)
  const dead = productSources.filter(({ path }) => !reached.has(path))
  const problems = dead
    .filter(({ path }) => !programsToCome.includes(path))
    .map(({ path }) => `${path} is reached by no program`)
  for (const path of programsToCome) {
    if (reached.has(path)) problems.push(`${path} is reached: take it out of programsToCome`)
  }
  for (const { path } of sources) if (/\.test\.ts$|^test\/|^tools\//.test(path)) reach(path)
  const support = sources.filter(({ path }) => path.startsWith('src/') && testFile.test(path))
  for (const { path } of support) {
    if (!reached.has(path)) problems.push(`${path} is reached by no test`)
  }
  none(problems)
})

void test('no path of a machine and no name of a registry is in the repository', () => {
  const words = [
    '/wo' + 'rk/',
    '/ro' + 'ot/',
    '/ho' + 'me/',
    'registry.npm' + 'js',
    'npmmir' + 'ror',
  ]
  const problems: string[] = []
  for (const path of files.filter(isText)) {
    const text = readFileSync(join(root, path), 'utf8')
    for (const word of words) if (text.includes(word)) problems.push(`${path} has ${word}`)
    const isProduct = /^(src|topologies|bin|schemas|samples)\//.test(path) && !testFile.test(path)
    for (const word of ['../sha' + 'red', '/tm' + 'p/']) {
      if (isProduct && text.includes(word)) problems.push(`${path} has ${word}`)
    }
  }
  none(problems)
})

void test('every test is named by a sentence about behaviour', () => {
  const problems: string[] = []
  for (const source of sources.filter(({ path }) => path.endsWith('.test.ts'))) {
    walk(source.tree, (node) => {
      if (!ts.isCallExpression(node) || !/^(test|it|t\.test)$/.test(node.expression.getText()))
        return
      const [name] = node.arguments
      if (name === undefined || !ts.isStringLiteralLike(name)) return
      const words = name.text.split(/\s+/)
      if (words.length < 3 || /^(test|should)\b|\.$/i.test(name.text)) {
        problems.push(`${source.path}:${lineOf(source, node)} ${name.text}`)
      }
    })
  }
  none(problems)
})

void test('links in the documents lead somewhere', () => {
  const problems: string[] = []
  for (const path of files.filter((file) => file.endsWith('.md'))) {
    const text = readFileSync(join(root, path), 'utf8').replace(/^```.*?^```/gms, '')
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [file = '', anchor] = target.split('#')
      const linked = file === '' ? path : join(dirname(path), file)
      const isThere = existsSync(join(root, linked))
      if (!isThere || (anchor !== undefined && !anchorsOf(linked).includes(anchor))) {
        problems.push(`${path} links to ${target}`)
      }
    }
  }
  none(problems)
})

/** As GitHub makes them from headings. */
function anchorsOf(path: string): string[] {
  const headings = readFileSync(join(root, path), 'utf8').matchAll(/^#+ (.*)$/gm)
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function isText(path: string): boolean {
  return /\.(ts|js|md|json|ya?ml|sql|avsc|sh|html|css)$|^\.ci\/|^\.npmrc$/.test(path)
}
