/** Things by the time they are due, those of the same time in the order they were added: a binary heap. */
export class DueQueue<T> {
  readonly #heap: { readonly dueMs: number; readonly order: number; readonly item: T }[] = []
  #added = 0

  get size(): number {
    return this.#heap.length
  }

  /** Infinity where nothing waits. */
  get nextDueMs(): number {
    return this.#heap[0]?.dueMs ?? Infinity
  }

  add(dueMs: number, item: T): void {
    this.#heap.push({ dueMs, order: this.#added++, item })
    let at = this.#heap.length - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#isBefore(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  take(): T | undefined {
    const [first] = this.#heap
    const last = this.#heap.pop()
    if (first === undefined || last === undefined) return undefined
    if (this.#heap.length > 0) {
      this.#heap[0] = last
      this.#sink()
    }
    return first.item
  }

  #sink(): void {
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      let least = at
      if (left < this.#heap.length && this.#isBefore(left, least)) least = left
      if (left + 1 < this.#heap.length && this.#isBefore(left + 1, least)) least = left + 1
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }

  #isBefore(one: number, other: number): boolean {
    const a = this.#heap[one]
    const b = this.#heap[other]
    if (a === undefined || b === undefined) return false
    return a.dueMs !== b.dueMs ? a.dueMs < b.dueMs : a.order < b.order
  }

  #swap(one: number, other: number): void {
    const [a, b] = [this.#heap[one], this.#heap[other]]
    if (a === undefined || b === undefined) return
    this.#heap[one] = b
    this.#heap[other] = a
  }
}
