/** How many tasks each client should have. */

export interface SeatTaker {
  readonly id: string
  readonly capacity: number
}

/**
 * Tasks are given one after the other to whoever has the fewest for its capacity with it (Jefferson's method), so
 * no task could move to another client and make the greater load smaller. Where several would be as good, a client
 * that has a task to keep goes first: who leaves makes no other client lose one.
 *
 * @param loads what each has already, by id
 * @param claims how many in all each could fill with what it holds, by id
 * @returns the greatest number, `loads` included, that each should have
 */
export function shareSeats(
  takers: readonly SeatTaker[],
  count: number,
  loads: ReadonlyMap<string, number>,
  claims: ReadonlyMap<string, number>,
): Map<string, number> {
  const seats = new Map(takers.map(({ id }) => [id, loads.get(id) ?? 0]))
  for (let given = 0; given < count; given++) {
    let best: { id: string; ratio: number; claims: boolean } | null = null
    for (const { id, capacity } of takers) {
      const next = (seats.get(id) ?? 0) + 1
      const candidate = { id, ratio: next / capacity, claims: next <= (claims.get(id) ?? 0) }
      if (best === null || isBetter(candidate, best)) best = candidate
    }
    if (best !== null) seats.set(best.id, (seats.get(best.id) ?? 0) + 1)
  }
  return seats
}

function isBetter(
  left: { ratio: number; claims: boolean },
  right: { ratio: number; claims: boolean },
): boolean {
  if (left.ratio !== right.ratio) return left.ratio < right.ratio
  return left.claims && !right.claims
}
