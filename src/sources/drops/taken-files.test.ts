/** How often watched files are looked at, and what their list costs. */
import assert from 'node:assert/strict'
import fs, { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { mock, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../../core/clock.ts'
import { temporaryFolder } from './drops.test-support.ts'
import { TakenFiles, watchMs } from './taken-files.ts'
import { placeOf, WatchedList, type JudgedFile } from './watched-list.ts'

const startMs = 1_760_000_000_000
const pollMs = 200
const findings = [{ check: 'outliers', column: 'age', rows: 1, detail: 'x'.repeat(500) }]

function folderOf(context: TestContext): string {
  const { path, remove } = temporaryFolder()
  context.after(remove)
  mkdirSync(join(path, 'done'))
  return path
}

function judged(name: string, inode: number, nowMs: number, contentHash = 'c'): JudgedFile {
  const file = { file_name: name, bytes: 1, batches: 1, rows_read: 1, rows_removed: 0, findings }
  const identity = { name, contentHash, modifiedAtMs: nowMs }
  return { identity, inode, folder: 'done', name, bytes: 1, file, judgedAtMs: nowMs }
}

function dropInto(directory: string, taken: TakenFiles, name: string, nowMs: number): void {
  const path = join(directory, 'done', name)
  writeFileSync(path, '.')
  taken.note(judged(name, statSync(path).ino, nowMs, name))
}

/** How many files were looked at while this ran. */
function looksAtFiles(run: () => void): number {
  const stat = mock.method(fs, 'statSync')
  syncBuiltinESMExports()
  try {
    run()
    return stat.mock.callCount()
  } finally {
    stat.mock.restore()
    syncBuiltinESMExports()
  }
}

test('a file is looked at a few hundred times in a day, the more seldom the older it is, and then no more', (context) => {
  const directory = folderOf(context)
  const clock = new ManualClock(startMs)
  const taken = new TakenFiles(clock, directory, 10)
  dropInto(directory, taken, 'a.csv', startMs)
  const minute = 60_000 / pollMs
  const looks = (count: number) =>
    looksAtFiles(() => {
      for (let look = 0; look < count; look++) {
        clock.advance(pollMs)
        taken.changed()
      }
    })
  const first = looks(minute)
  const second = looks(minute)
  assert.ok(first > 60 && first < 90, `${first} looks in the first minute`)
  assert.ok(second > 8 && second < 20, `${second} looks in the second minute`)
  const rest = looks(watchMs / pollMs - 3 * minute)
  assert.ok(rest > 100 && rest < 200, `${rest} looks in the rest of the day`)
  const last = looks(2 * minute)
  assert.ok(last >= 1 && last <= 2, `${last} looks at the end of the day`)
  assert.equal(looks(10 * minute), 0)
})

test('of many files that were judged together each is looked at, no more than a thousand in a look', (context) => {
  const directory = folderOf(context)
  const clock = new ManualClock(startMs)
  const taken = new TakenFiles(clock, directory, 10_000)
  const names = Array.from({ length: 2_500 }, (_, index) => `f${index}.csv`)
  for (const name of names) dropInto(directory, taken, name, startMs)
  for (const name of names) appendFileSync(join(directory, 'done', name), '.')
  const changed = new Set<string>()
  for (let look = 0; look < 3; look++) {
    clock.advance(pollMs)
    const looks = looksAtFiles(() => {
      for (const { name } of taken.changed()) changed.add(name)
    })
    assert.equal(looks, 1_000)
  }
  assert.equal(changed.size, names.length)
  for (const name of names.slice(0, -1)) taken.release(join(directory, 'done', name))
  clock.advance(pollMs)
  assert.deepEqual(
    taken.changed().map(({ name }) => name),
    names.slice(-1),
  )
})

test('saving costs what has changed, and the list does not grow with what was', (context) => {
  const directory = folderOf(context)
  const path = join(directory, '.watched.json')
  const clock = new ManualClock(startMs)
  const taken = new TakenFiles(clock, directory, 500)
  for (let file = 0; file < 500; file++) taken.note(judged(`f${file}.csv`, file, startMs))
  taken.save()
  const { ino, size } = statSync(path)
  assert.ok(size < 500 * 400, `${size} bytes for 500 files`)
  taken.save()
  taken.note(judged('one-more.csv', 500, startMs))
  taken.save()
  const after = statSync(path)
  assert.equal(after.ino, ino)
  assert.ok(after.size - size < 500, `${after.size - size} bytes for one file more`)
  for (let file = 0; file < 20_000; file++) {
    taken.note(judged(`later${file}.csv`, file, startMs))
    taken.save()
  }
  assert.ok(readFileSync(path, 'utf8').split('\n').length < 3 * 500 + 1_500)
  assert.deepEqual(taken.letGo(), { name: 'f0.csv', files: 20_001 })
  assert.equal(taken.letGo(), null)
})

const step = fc.oneof(
  fc.record({ kind: fc.constantFrom('add', 'remove', 'retract'), index: fc.nat({ max: 7 }) }),
  fc.record({ kind: fc.constantFrom('save', 'reopen', 'crash', 'cut'), index: fc.constant(0) }),
)

test('a list that is opened again has what was saved, whatever a crash has cut off', (context) => {
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const directory = folderOf(context)
    let list = new WatchedList(directory)
    let [files, retracted] = [new Map<string, JudgedFile>(), new Set<string>()]
    let saved = { files: new Map(files), retracted: new Set(retracted) }
    for (const [at, { kind, index }] of steps.entries()) {
      const file = judged(`f${index}.csv`, at, startMs)
      if (kind === 'add') {
        list.add(file)
        files.delete(placeOf(file))
        files.set(placeOf(file), file)
      } else if (kind === 'remove') {
        list.remove(file)
        files.delete(placeOf(file))
      } else if (kind === 'retract') {
        list.retract(`drop ${index}`)
        retracted.add(`drop ${index}`)
      } else {
        if (kind === 'save' || kind === 'reopen') {
          list.save()
          saved = { files: new Map(files), retracted: new Set(retracted) }
        }
        if (kind === 'save') continue
        // A line that is not whole, as of a crash.
        if (kind === 'cut') appendFileSync(join(directory, '.watched.json'), '{"released":"do')
        list = new WatchedList(directory)
        files = new Map(saved.files)
        retracted = new Set(saved.retracted)
      }
      assert.deepEqual(list.files, [...files.values()])
      for (let drop = 0; drop < 8; drop++) {
        assert.equal(list.isRetracted(`drop ${drop}`), retracted.has(`drop ${drop}`))
      }
    }
  })
  fc.assert(property, { numRuns: 200 })
})
