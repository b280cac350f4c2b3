/** A bar on a terminal; nothing where the output is a file or a pipe. */
import { Presets, SingleBar } from 'cli-progress'

export interface Progress {
  update(done: number, total: number, note: string): void
  stop(): void
}

const silent: Progress = { update: () => {}, stop: () => {} }

export function openProgress(): Progress {
  if (!process.stderr.isTTY) return silent
  const bar = new SingleBar(
    { format: '{bar} {percentage}% {note}', clearOnComplete: true, stream: process.stderr },
    Presets.shades_classic,
  )
  let isStarted = false
  return {
    update: (done, total, note) => {
      if (!isStarted) bar.start(total, done, { note })
      isStarted = true
      bar.setTotal(total)
      bar.update(done, { note })
    },
    stop: () => {
      if (isStarted) bar.stop()
    },
  }
}
