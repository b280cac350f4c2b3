/** What a message tells an operator to set is a setting. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { environmentOf, settingPaths } from './settings.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const groups = new Set(settingPaths.filter((path) => path.includes('.')).map(groupOf))
const paths = new Set<string>([...settingPaths, ...groups])
const variables = new Set(settingPaths.map(environmentOf))
/** `lake.write`: a job is named like a setting of its group. */
const jobs = new Set(
  globSync('src/jobs/**/*.ts', { cwd: root })
    .flatMap((path) => [
      ...readFileSync(root + path, 'utf8').matchAll(/\bname(?::| =) '([a-z]+\.[a-z]+)'/g),
    ])
    .map(([, name = '']) => name),
)

function groupOf(path: string): string {
  return path.split('.')[0] ?? ''
}

/** The names in the texts of a program, as `kafka.tls` and `TIDEMARK_KAFKA_TLS`, that nobody can set. */
function unknownNames(fileName: string, text: string): string[] {
  const mentioned = new RegExp(
    `(?<![\\w./@-])(?:${[...groups].join('|')})\\.[a-z]\\w*(?![\\w/-]|\\.\\w)`,
    'g',
  )
  const unknown: string[] = []
  const visit = (node: ts.Node): void => {
    if (isText(node)) {
      const found = [...node.text.matchAll(mentioned), ...node.text.matchAll(/TIDEMARK_[A-Z_]+\b/g)]
      for (const [name] of found) {
        if (!paths.has(name) && !jobs.has(name) && !variables.has(name) && !name.endsWith('_')) {
          unknown.push(`${fileName}: ${name}`)
        }
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(fileName, text, ts.ScriptTarget.Latest))
  return unknown
}

type Text = ts.Node & { readonly text: string }

function isText(node: ts.Node): node is Text {
  return (
    ts.isStringLiteralLike(node) ||
    ts.isTemplateHead(node) ||
    ts.isTemplateMiddleOrTemplateTail(node)
  )
}

test('every setting that a text of the product names exists', () => {
  const files = globSync('src/**/*.ts', { cwd: root }).filter((path) => !/\.test|test-/.test(path))
  assert.ok(files.length > 100)
  assert.deepEqual(
    files.flatMap((path) => unknownNames(path, readFileSync(root + path, 'utf8'))),
    [],
  )
})

test('a name that is none is found, in any kind of text', () => {
  const text = [
    "'check kafka.security.'",
    '`${x}: kafka.tls and ${y} kafka.wrong`',
    "'TIDEMARK_KAFKA_TLSS, or TIDEMARK_KAFKA_TLS'",
    "import x from './kafka.ts'",
    "'see kafka.apache.org/documentation'",
  ]
  assert.deepEqual(unknownNames('x', text.join('\n')), [
    'x: kafka.security',
    'x: kafka.wrong',
    'x: TIDEMARK_KAFKA_TLSS',
  ])
})
