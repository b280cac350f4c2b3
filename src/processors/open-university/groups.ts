/**
 * Sums over the students of a presentation: the funnel, its weeks, and the values of students' attributes. A student's
 * share goes in and comes out again as whole numbers, so sums are exact in any order.
 */
import { avroSerde } from '../../schema/avro-serde.ts'

export const groupKinds = { funnel: 'funnel', week: 'week', attribute: 'attribute' } as const
export type GroupKind = (typeof groupKinds)[keyof typeof groupKinds]

/** Week: the week and ''; attribute: its column and value; funnel: '' twice. */
export type GroupKey = readonly [
  kind: GroupKind,
  module: string,
  presentation: string,
  part: string | number,
  value: string,
]

export interface Group {
  /** In the order of the kind's columns; the first counts members, and without one the group is gone. */
  readonly sums: readonly number[]
  /** How many shares name a day, ascending: the greatest stays known when one is taken out. */
  readonly days: readonly { readonly day: number; readonly count: number }[]
}

/** Null: no days of its own. */
export interface Share {
  readonly sums: readonly number[]
  readonly day: number | null
}

/** What the shares of a batch change. */
export class GroupChanges {
  #byKey = new Map<string, { key: GroupKey; sums: number[]; days: Map<number, number> }>()

  replace(key: GroupKey, before: Share | null, after: Share | null): void {
    if (before === null && after === null) return
    if (before !== null && after !== null && isSame(before, after)) return
    const id = JSON.stringify(key)
    let change = this.#byKey.get(id)
    if (change === undefined) {
      change = { key, sums: [], days: new Map() }
      this.#byKey.set(id, change)
    }
    add(change, before, -1)
    add(change, after, 1)
  }

  /** Those that change anything. */
  take(): readonly (readonly [GroupKey, Group])[] {
    const changes = [...this.#byKey.values()].map(({ key, sums, days }): [GroupKey, Group] => [
      key,
      { sums, days: ascending(days) },
    ])
    this.#byKey = new Map()
    return changes.filter(([, { sums, days }]) => days.length > 0 || sums.some((sum) => sum !== 0))
  }
}

/** Null where nobody is left. */
export function sumGroups(group: Group, change: Group): Group | null {
  const length = Math.max(group.sums.length, change.sums.length)
  const sums = Array.from(
    { length },
    (_, index) => (group.sums[index] ?? 0) + (change.sums[index] ?? 0),
  )
  const days = new Map(group.days.map(({ day, count }) => [day, count]))
  for (const { day, count } of change.days) days.set(day, (days.get(day) ?? 0) + count)
  // Shares of several tasks may come in any order; only what all of them agree on is nothing.
  const isGone = sums.every((sum) => sum === 0) && [...days.values()].every((count) => count === 0)
  return isGone ? null : { sums, days: ascending(days) }
}

export const emptyGroup: Group = { sums: [], days: [] }

export function latestDayOf({ days }: Group): number | null {
  return days.at(-1)?.day ?? null
}

function ascending(days: ReadonlyMap<number, number>): Group['days'] {
  return [...days]
    .filter(([, count]) => count !== 0)
    .map(([day, count]) => ({ day, count }))
    .sort((a, b) => a.day - b.day)
}

function isSame(a: Share, b: Share): boolean {
  return a.day === b.day && a.sums.every((sum, index) => sum === b.sums[index])
}

function add(
  change: { readonly sums: number[]; readonly days: Map<number, number> },
  share: Share | null,
  sign: 1 | -1,
): void {
  if (share === null) return
  for (const [index, sum] of share.sums.entries()) {
    change.sums[index] = (change.sums[index] ?? 0) + sign * sum
  }
  const { day } = share
  if (day !== null) change.days.set(day, (change.days.get(day) ?? 0) + sign)
}

export const groupSerde = avroSerde<Group>('groups', 1, {
  type: 'record',
  name: 'Group',
  fields: [
    { name: 'sums', type: { type: 'array', items: 'long' } },
    {
      name: 'days',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'DayCount',
          fields: [
            { name: 'day', type: 'int' },
            { name: 'count', type: 'long' },
          ],
        },
      },
    },
  ],
})
