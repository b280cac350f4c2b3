/** One row of delimited text (RFC 4180): quoted cells, doubled quotes inside them. */

export type CsvRow =
  | { readonly kind: 'cells'; readonly cells: readonly string[] }
  /** A quoted cell does not end in this text: it goes on in the next line. */
  | { readonly kind: 'open' }
  | { readonly kind: 'fault'; readonly reason: string }

const quote = '"'

export function parseCsvRow(text: string, delimiter: string): CsvRow {
  if (!text.includes(quote)) return { kind: 'cells', cells: text.split(delimiter) }
  const cells: string[] = []
  let at = 0
  for (;;) {
    if (text[at] === quote) {
      const end = endOfQuoted(text, at + 1)
      if (end === -1) return { kind: 'open' }
      cells.push(text.slice(at + 1, end).replaceAll('""', quote))
      at = end + 1
      if (at < text.length && text[at] !== delimiter) {
        return { kind: 'fault', reason: `cell ${cells.length} goes on behind its closing quote` }
      }
    } else {
      const end = text.indexOf(delimiter, at)
      cells.push(text.slice(at, end === -1 ? undefined : end))
      at = end === -1 ? text.length : end
    }
    if (at >= text.length) return { kind: 'cells', cells }
    at += delimiter.length
    if (at === text.length) {
      cells.push('')
      return { kind: 'cells', cells }
    }
  }
}

/** Where the closing quote is; a doubled one is part of the cell. */
function endOfQuoted(text: string, from: number): number {
  let end = text.indexOf(quote, from)
  while (end !== -1 && text[end + 1] === quote) end = text.indexOf(quote, end + 2)
  return end
}
