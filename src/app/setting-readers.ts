/** How the value of a setting is read from what a flag, the environment or a file gives. */
import { portsOf } from './ports.ts'

/** The value, or what is wrong with it. */
export type Reading<T> = { readonly value: T } | { readonly fault: string }
export type Read<T> = (raw: unknown) => Reading<T>

export function text(raw: unknown): Reading<string> {
  if (typeof raw === 'string' && raw.trim() !== '') return { value: raw }
  return { fault: `expected text, found ${JSON.stringify(raw)}` }
}

/** Like `text`, for what must not be printed. */
export function secretText(raw: unknown): Reading<string> {
  if (typeof raw === 'string' && raw !== '') return { value: raw }
  return { fault: 'expected text that is not empty; in YAML put it in quotes' }
}

export function list(raw: unknown): Reading<readonly string[]> {
  const items: unknown[] = typeof raw === 'string' ? raw.split(',') : Array.isArray(raw) ? raw : []
  const names = items.map((item) => (typeof item === 'string' ? item.trim() : ''))
  if (names.length > 0 && names.every((name) => name !== '')) return { value: names }
  return { fault: `expected one or more names with commas between, found ${JSON.stringify(raw)}` }
}

/** `host:port`, one or more. */
export function addresses(raw: unknown): Reading<readonly string[]> {
  const reading = list(raw)
  if ('fault' in reading) return reading
  const wrong = reading.value.find(
    (address) => !/^(\[[0-9a-fA-F:.]+\]|[^\s:/]+):\d{1,5}$/.test(address),
  )
  if (wrong === undefined) return reading
  return { fault: `expected host:port, found ${JSON.stringify(wrong)}` }
}

/** `http://` or `https://`; what it quotes has no credentials in it. */
export function httpUrl(raw: unknown): Reading<string> {
  const url = typeof raw === 'string' ? URL.parse(raw.trim()) : null
  if (url !== null && /^https?:$/.test(url.protocol)) return { value: (raw as string).trim() }
  return { fault: 'expected a URL like http://host:port' }
}

export function httpUrls(raw: unknown): Reading<readonly string[]> {
  const reading = list(raw)
  if ('fault' in reading) return { fault: 'expected one or more URLs with commas between' }
  for (const url of reading.value) {
    const one = httpUrl(url)
    if ('fault' in one) return one
  }
  return reading
}

/** As SMTP's envelope takes it, without a name before it. */
export function emailAddress(raw: unknown): Reading<string> {
  if (typeof raw === 'string' && /^[^\s@<>,;:"]{1,64}@[^\s@<>,;:"]{1,255}$/.test(raw.trim())) {
    return { value: raw.trim() }
  }
  return { fault: `expected an address like somebody@example.org, found ${JSON.stringify(raw)}` }
}

export function emailAddresses(raw: unknown): Reading<readonly string[]> {
  const reading = list(raw)
  if ('fault' in reading) return reading
  for (const address of reading.value) {
    const one = emailAddress(address)
    if ('fault' in one) return one
  }
  return reading
}

export function wholeNumber(min: number, max: number): Read<number> {
  return (raw) => {
    const value = typeof raw === 'string' && /^-?\d+$/.test(raw.trim()) ? Number(raw) : raw
    if (Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max) {
      return { value: Number(value) }
    }
    return { fault: `expected a whole number from ${min} to ${max}, found ${JSON.stringify(raw)}` }
  }
}

/** Browsers and `fetch` refuse some ports (the Fetch standard, “bad port”); of those that a door can get, this one. */
const refusedPort = 10_080

export function portOffset(raw: unknown): Reading<number> {
  const read = wholeNumber(0, 57_000)(raw)
  if (!('value' in read)) return read
  if (!Object.values(portsOf(read.value)).includes(refusedPort)) return read
  return {
    fault: `${read.value} gives a door port ${refusedPort}, which browsers refuse: take another`,
  }
}

export function yesOrNo(raw: unknown): Reading<boolean> {
  if (raw === true || raw === 'true' || raw === '1') return { value: true }
  if (raw === false || raw === 'false' || raw === '0') return { value: false }
  return { fault: `expected true or false, found ${JSON.stringify(raw)}` }
}

export function oneOf<const T extends string>(allowed: readonly T[]): Read<T> {
  return (raw) => {
    const found = allowed.find((value) => value === raw)
    if (found !== undefined) return { value: found }
    return { fault: `expected one of ${allowed.join(', ')}, found ${JSON.stringify(raw)}` }
  }
}

export function severalOf<const T extends string>(allowed: readonly T[]): Read<readonly T[]> {
  const one = oneOf(allowed)
  return (raw) => {
    const reading = list(raw)
    if ('fault' in reading) return reading
    const values: T[] = []
    for (const name of reading.value) {
      const each = one(name)
      if ('fault' in each) return each
      values.push(each.value)
    }
    return { value: values }
  }
}

/** For names that go into topics and transactional ids of Kafka. */
export function identifier(raw: unknown): Reading<string> {
  if (typeof raw === 'string' && /^[A-Za-z0-9._-]{1,100}$/.test(raw)) return { value: raw }
  return {
    fault: `expected up to 100 letters, digits, ".", "_" or "-", found ${JSON.stringify(raw)}`,
  }
}

export type NamedNumber = readonly [name: string, value: number]

/** `one=1,two=2`. */
export function namedNumbers(
  most: number,
  expected: string,
  isName: (name: string) => boolean,
): Read<readonly NamedNumber[]> {
  return (raw) => {
    const reading = list(raw)
    if ('fault' in reading) return reading
    const named: NamedNumber[] = []
    for (const item of reading.value) {
      const [, name = '', number = ''] = /^([^=]*)=(.*)$/.exec(item) ?? []
      const value = number.trim() === '' ? NaN : Number(number)
      if (!isName(name.trim()) || !(value >= 0 && value <= most)) {
        return { fault: `expected ${expected}, found ${JSON.stringify(item)}` }
      }
      named.push([name.trim(), value])
    }
    return { value: named }
  }
}
