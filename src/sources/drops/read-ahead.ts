/** Files that are read ahead of being sent. */
const inHandMax = 16

/** What is read of each name, in their order, some of them read ahead. Ends once nothing is read any more. */
export async function* readAhead<Read>(
  names: Iterable<string>,
  read: (name: string) => Promise<Read>,
): AsyncGenerator<Read> {
  const inHand: Promise<Read>[] = []
  try {
    for (const name of names) {
      const reading = read(name)
      // Awaited in its turn; until then a failure is not unhandled.
      reading.catch(() => undefined)
      inHand.push(reading)
      if (inHand.length < inHandMax) continue
      yield await (inHand.shift() as Promise<Read>)
    }
    for (let next = inHand.shift(); next !== undefined; next = inHand.shift()) yield await next
  } finally {
    await Promise.allSettled(inHand)
  }
}
