import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EventStreamParser, type ServerSentEvent } from './event-stream.ts'

function parse(text: string | Buffer, dataLengthMax = 1000): readonly ServerSentEvent[] {
  return new EventStreamParser(dataLengthMax).add(Buffer.from(text))
}

const brief = (events: readonly ServerSentEvent[]) =>
  events.map(({ type, data, id }) => [type, data, id])

test('fields, several data lines, comments and a colon without a space', () => {
  const text = ': hello\n\nevent: score\nid: 7\ndata: a\ndata:b\ndata:  c\nnonsense: x\ndata\n\n'
  assert.deepEqual(brief(parse(text)), [['score', 'a\nb\n c\n', '7']])
})

test('LF, CR and CRLF end lines, and a BOM is no part of the first', () => {
  for (const end of ['\n', '\r', '\r\n']) {
    const text = `\ufeffevent: score${end}data: é${end}${end}data: 2${end}${end}`
    assert.deepEqual(brief(parse(text)), [
      ['score', 'é', null],
      ['message', '2', null],
    ])
  }
})

test('an event without data is none, and one that the stream cuts off is none', () => {
  assert.deepEqual(parse('event: score\n\nid: 1\n\ndata: x\n'), [])
})

test('the last id stays with the stream, an id with a null byte is ignored, an empty one resets', () => {
  const events = parse('id: 1\ndata: a\n\ndata: b\n\nid: 2\0\ndata: c\n\nid\ndata: d\n\n')
  assert.deepEqual(
    events.map(({ id, lastEventId }) => [id, lastEventId]),
    [
      ['1', '1'],
      [null, '1'],
      [null, '1'],
      ['', ''],
    ],
  )
})

test('retry takes digits only', () => {
  const parser = new EventStreamParser(10)
  parser.add(Buffer.from('retry: 1s\n'))
  assert.equal(parser.retryMs, null)
  parser.add(Buffer.from('retry: 2500\n'))
  assert.equal(parser.retryMs, 2500)
})

test('data beyond the limit is counted, not held', () => {
  const parser = new EventStreamParser(10)
  const events = [
    ...parser.add(Buffer.from('data: 1234567890\n\ndata: 12345678901\n\n')),
    ...parser.add(Buffer.from(`data: ${'x'.repeat(500)}`)),
    ...parser.add(Buffer.from(`${'x'.repeat(500)}\n\ndata: 1234\ndata: 5678\ndata: 90\n\n`)),
    ...parser.add(Buffer.from('data: y\n\n')),
  ]
  assert.deepEqual(
    events.map(({ data, dataLength }) => [data, dataLength]),
    [
      ['1234567890', 10],
      [null, 11],
      [null, 1000],
      [null, 12],
      ['y', 1],
    ],
  )
})

test('however the bytes are cut, the events are the same', () => {
  const line = fc.constantFrom('data: é\u{1f600}', 'data', 'id: 1', 'event: score', ': c', '', '')
  const end = fc.constantFrom('\n', '\r', '\r\n')
  fc.assert(
    fc.property(fc.array(fc.tuple(line, end)), fc.array(fc.nat(200)), (parts, cuts) => {
      const bytes = Buffer.from(parts.map(([text, ending]) => text + ending).join(''))
      const parser = new EventStreamParser(1000)
      const found: ServerSentEvent[] = []
      let from = 0
      for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
        found.push(...parser.add(bytes.subarray(from, Math.max(from, cut))))
        from = Math.max(from, Math.min(cut, bytes.length))
      }
      assert.deepEqual(found, parse(bytes))
    }),
  )
})
