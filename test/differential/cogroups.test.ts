import { differ } from './support/differ.ts'
import type { Setup } from './support/differ.ts'
import { setupOf } from './support/window-setups.ts'
import { cogroups } from './topologies/cogroups.ts'

const topics = ['input', 'other']

differ(Object.entries(cogroups).map(([name, build]) => ({ name, build, setup: setupFor(name) })))

/** Kafka Streams has a node for each stream, and stream time in each; here it is that of the task. */
function setupFor(name: string): Setup {
  const isWindowed = !['cogroup', 'cogroup-by-new-key'].includes(name)
  if (!isWindowed) return { topics }
  const setup = setupOf(name.replace('cogroup-', ''))
  return { ...setup, topics, rules: [...(setup.rules ?? []), 'time-of-each-stream'] }
}
