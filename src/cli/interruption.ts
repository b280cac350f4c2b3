/** SIGINT and SIGTERM as an abort signal: what is under way is finished and reported. */
export interface Interruption {
  readonly signal: AbortSignal
  release(): void
}

export function untilInterrupted(): Interruption {
  const controller = new AbortController()
  const abort = () => {
    controller.abort()
  }
  process.once('SIGINT', abort)
  process.once('SIGTERM', abort)
  return {
    signal: controller.signal,
    release: () => {
      process.off('SIGINT', abort)
      process.off('SIGTERM', abort)
    },
  }
}
