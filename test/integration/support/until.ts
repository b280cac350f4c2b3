import { setTimeout as wait } from 'node:timers/promises'

const askAgainMs = 10

/** Asks until the answer is there; `what` is named where it never comes. */
export async function until<T>(
  what: string,
  ask: () => T | null | Promise<T | null>,
  timeoutMs = 60_000,
): Promise<T> {
  const endMs = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== null) return answer
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`)
    await wait(askAgainMs)
  }
}
