/**
 * Where each record's value lies in the bytes of a produce request. A parsed value written out again is not
 * always what was sent (long numbers, repeated fields, spaces), and quarantine keeps what was sent. Only asked
 * for a request that has a refused record, and only of a body that is JSON.
 */
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const quote = 0x22
const backslash = 0x5c
const comma = 0x2c

/** By the index of the record; null where it has no value. */
export function recordValueBytes(body: Buffer): readonly (Buffer | null)[] {
  const scan = new Scan(body)
  let values: (Buffer | null)[] = []
  scan.members((name) => {
    if (name !== 'records') return false
    values = []
    scan.items(() => {
      values.push(valueOf(scan, body))
    })
    return true
  })
  return values
}

function valueOf(scan: Scan, body: Buffer): Buffer | null {
  let value: Buffer | null = null
  scan.members((name) => {
    if (name !== 'value') return false
    const start = scan.at
    scan.skip()
    value = body.subarray(start, scan.at)
    return true
  })
  return value
}

class Scan {
  readonly #bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#space()
  }

  /** Of the object here: `visit` takes the value of a member, or answers false to pass over it. */
  members(visit: (name: string) => boolean): void {
    this.at++
    this.#space()
    while (this.#byte !== closeBrace) {
      const start = this.at
      this.#string()
      const name = JSON.parse(this.#bytes.toString('utf8', start, this.at)) as string
      this.#space()
      this.at++
      this.#space()
      if (!visit(name)) this.skip()
      this.#next()
    }
    this.at++
  }

  items(visit: () => void): void {
    this.at++
    this.#space()
    while (this.#byte !== closeBracket) {
      visit()
      this.#next()
    }
    this.at++
  }

  /** Passes over one value. */
  skip(): void {
    const byte = this.#byte
    if (byte === quote) return this.#string()
    if (byte !== openBrace && byte !== openBracket) {
      while (this.at < this.#bytes.length && !endsScalar(this.#byte)) this.at++
      return
    }
    let depth = 0
    do {
      const inside = this.#byte
      if (inside === quote) {
        this.#string()
        continue
      }
      if (inside === openBrace || inside === openBracket) depth++
      else if (inside === closeBrace || inside === closeBracket) depth--
      this.at++
    } while (depth > 0)
  }

  #string(): void {
    this.at++
    for (; this.#byte !== quote; this.at++) if (this.#byte === backslash) this.at++
    this.at++
  }

  /** Behind a value: to the next one of its list, or to the list's end. */
  #next(): void {
    this.#space()
    if (this.#byte !== comma) return
    this.at++
    this.#space()
  }

  #space(): void {
    while (isSpace(this.#byte)) this.at++
  }

  get #byte(): number {
    return this.#bytes[this.at] ?? -1
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function endsScalar(byte: number): boolean {
  return byte === comma || byte === closeBrace || byte === closeBracket || isSpace(byte)
}
