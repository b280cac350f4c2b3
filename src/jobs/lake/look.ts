/** One look through all names of a lake; what is held of it is a few numbers a day and dataset. */
import type { LakeRun } from './lake-options.ts'
import { dayOf, fileOf, type Dataset, type Layer } from './places.ts'
import { archiveClasses } from './storage-classes.ts'
import { unclassed } from './storage-costs.ts'

export interface Held {
  files: number
  bytes: number
}

export interface SeenDay {
  readonly day: string
  files: number
  bytes: number
  /** Of all its files, metadata among them, by class of storage. */
  readonly bytesByClass: Map<string, number>
  /** The same of those that go to the colder class when the day is old enough. */
  readonly movableByClass: Map<string, number>
}

export interface SeenDataset extends Dataset {
  readonly days: Map<string, SeenDay>
  modifiedMs: number
  smallest: number
  largest: number
}

export interface Seen {
  readonly datasets: ReadonlyMap<string, SeenDataset>
  /** Day of writing to what was written. */
  readonly growth: ReadonlyMap<string, Held>
  /** By class of storage. */
  readonly held: ReadonlyMap<Layer, ReadonlyMap<string, Held>>
}

export async function look({ storage, classes, signal }: LakeRun): Promise<Seen> {
  const datasets = new Map<string, SeenDataset>()
  const growth = new Map<string, Held>()
  const held = new Map<Layer, Map<string, Held>>()
  for await (const { path, bytes, modifiedMs, storageClass } of storage.list('')) {
    signal.throwIfAborted()
    const place = fileOf(path)
    if (place === null) continue
    const { layer, name, day, file } = place
    const id = `${layer}/${name}`
    const seen = datasets.get(id) ?? newDataset(layer, name)
    datasets.set(id, seen)
    const ofDay = seen.days.get(day) ?? newDay(day)
    seen.days.set(day, ofDay)
    const className = storageClass ?? unclassed
    const ofClass = heldIn(held, layer, className)
    const grown = heldOn(growth, dayOf(modifiedMs))
    for (const sum of [ofDay, ofClass, grown]) sum.bytes += bytes
    addTo(ofDay.bytesByClass, className, bytes)
    ofClass.files += 1
    seen.modifiedMs = Math.max(seen.modifiedMs, modifiedMs)
    if (!file.endsWith('.parquet')) continue
    ofDay.files += 1
    grown.files += 1
    seen.smallest = Math.min(seen.smallest, bytes)
    seen.largest = Math.max(seen.largest, bytes)
    const isMovable = storageClass !== null && !archiveClasses.has(storageClass)
    if (isMovable && storageClass !== classes.cold && bytes >= classes.coldBytesMin) {
      addTo(ofDay.movableByClass, className, bytes)
    }
  }
  return { datasets, growth, held }
}

function newDataset(layer: Layer, name: string): SeenDataset {
  const sizes = { smallest: Number.MAX_SAFE_INTEGER, largest: 0 }
  return { layer, name, days: new Map(), modifiedMs: 0, ...sizes }
}

function newDay(day: string): SeenDay {
  return { day, files: 0, bytes: 0, bytesByClass: new Map(), movableByClass: new Map() }
}

function heldIn(held: Map<Layer, Map<string, Held>>, layer: Layer, className: string): Held {
  const classes = held.get(layer) ?? new Map<string, Held>()
  held.set(layer, classes)
  return heldOn(classes, className)
}

function heldOn(held: Map<string, Held>, key: string): Held {
  const found = held.get(key) ?? { files: 0, bytes: 0 }
  held.set(key, found)
  return found
}

function addTo(sums: Map<string, number>, key: string, bytes: number): void {
  sums.set(key, (sums.get(key) ?? 0) + bytes)
}
