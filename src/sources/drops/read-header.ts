/** The header line of delimited text, and the bytes behind it. */
import { isUtf8 } from 'node:buffer'
import { parseCsvRow } from '../../quality/csv-row.ts'
import { delimiterOf } from '../table-rows.ts'

export interface FileHeader {
  readonly columns: readonly string[]
  readonly delimiter: string
  /** From 1. */
  readonly line: number
  /** What was read behind the header. */
  readonly rest: Buffer
}

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])
const lineFeed = 0x0a
const crAlone = 'lines that end with CR alone; they must end with LF or CR LF'

/** Takes chunks until the first line that is not blank is there. A string says why there is no header.
 * @param bytesMax of the header, and of blank lines before it */
export async function readHeader(
  chunks: AsyncIterator<Buffer>,
  path: string,
  bytesMax: number,
): Promise<FileHeader | string> {
  let bytes: Buffer = Buffer.alloc(0)
  for (;;) {
    const next = await chunks.next()
    const isLast = next.done === true
    bytes = isLast ? Buffer.concat([bytes, Buffer.from('\n')]) : Buffer.concat([bytes, next.value])
    const header = headerIn(bytes, path)
    if (header !== null) return header
    if (isLast) return 'there is no header line'
    if (bytes.length > bytesMax) {
      return bytes.includes('\r') ? crAlone : `no header within ${bytesMax} bytes`
    }
  }
}

/** Null where it is not whole yet. */
function headerIn(bytes: Buffer, path: string): FileHeader | string | null {
  let from = bytes.subarray(0, 3).equals(byteOrderMark) ? 3 : 0
  for (let line = 1; ; line++) {
    const to = bytes.indexOf(lineFeed, from)
    if (to === -1) return null
    const found = bytes.subarray(from, to)
    from = to + 1
    if (!isUtf8(found)) return 'the header is not UTF-8'
    const text = found.toString('utf8').trim()
    if (text === '') continue
    if (text.includes('\r')) {
      return crAlone
    }
    const delimiter = delimiterOf(text, path)
    const row = parseCsvRow(withoutBlanksAroundQuotes(text, delimiter), delimiter)
    if (row.kind !== 'cells') return 'the quotes of the header do not match'
    const columns = row.cells.map((cell) => cell.trim())
    return { columns, delimiter, line, rest: bytes.subarray(from) }
  }
}

/** As cells are read, too: RFC 4180 has no blanks there, and people do. */
function withoutBlanksAroundQuotes(text: string, delimiter: string): string {
  const quoted = new RegExp(`(^|${delimiter}) *("(?:[^"]|"")*") *(?=${delimiter}|$)`, 'g')
  return text.replaceAll(quoted, '$1$2')
}
