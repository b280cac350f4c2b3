/** The repository's own text, and what the TypeScript parser sees in it. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Import {
  /** As written. */
  readonly specifier: string
  /** The file it names, relative to the root; undefined for a package. */
  readonly file: string | undefined
  readonly typeOnly: boolean
}

export interface Source {
  /** Relative to the root. */
  readonly path: string
  readonly text: string
  readonly lineCount: number
  readonly tree: ts.SourceFile
  readonly imports: readonly Import[]
}

/** Every file that is in the repository or would be with `git add`. */
export function repositoryFiles(): readonly string[] {
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z']
  return execFileSync('git', list, { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(root, path)))
    .sort()
}

export function readSource(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8')
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const lineCount = text.split('\n').length - 1
  return { path, text, lineCount, tree, imports: importsOf(path, tree) }
}

/** Static and dynamic imports, re-exports, and files named by `new URL('./…', import.meta.url)`. */
function importsOf(path: string, tree: ts.SourceFile): Import[] {
  const imports: Import[] = []
  const add = (literal: ts.Node | undefined, typeOnly: boolean, alwaysFile = false) => {
    if (literal === undefined || !ts.isStringLiteralLike(literal)) return
    const specifier = literal.text
    const isFile = alwaysFile || specifier.startsWith('.')
    const file = isFile ? normalize(join(dirname(path), specifier)) : undefined
    imports.push({ specifier, file, typeOnly })
  }
  walk(tree, (node) => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)
    } else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, true)
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false)
    } else if (ts.isNewExpression(node) && node.expression.getText(tree) === 'URL') {
      const [name, base] = node.arguments ?? []
      if (base?.getText(tree) === 'import.meta.url') add(name, false, true)
    }
  })
  return imports
}

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, (child) => {
    walk(child, visit)
  })
}

export function lineOf({ tree }: Source, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1
}

/** The comments of a file, adjoining `//` lines as one, without their marks. */
export function commentsOf({ text, tree }: Source): readonly { line: number; text: string }[] {
  const comments: { line: number; text: string; endLine: number }[] = []
  const seen = new Set<number>()
  walk(tree, (node) => {
    for (const range of ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []) {
      if (seen.has(range.pos) || range.kind !== ts.SyntaxKind.SingleLineCommentTrivia) continue
      seen.add(range.pos)
      const line = tree.getLineAndCharacterOfPosition(range.pos).line + 1
      const content = text.slice(range.pos + 2, range.end).trim()
      const previous = comments.at(-1)
      if (previous?.endLine === line - 1) {
        previous.text += `\n${content}`
        previous.endLine = line
      } else comments.push({ line, text: content, endLine: line })
    }
  })
  return comments
}

/** Whether a text parses as statements that do something. */
export function isCode(text: string): boolean {
  if (!/[=(){}]/.test(text)) return false
  const { diagnostics } = ts.transpileModule(text, { reportDiagnostics: true })
  return diagnostics !== undefined && diagnostics.length === 0
}
