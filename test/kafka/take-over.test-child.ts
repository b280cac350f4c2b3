/**
 * An instance that, once told to, ends itself by SIGKILL when its next transaction is filled and not yet ended.
 * Arguments: server, its id, the URL of the topology.
 */
import { kill, pid } from 'node:process'

import { systemClock } from '../../src/core/clock.ts'
import { openCluster } from '../../src/log/kafka/connected-cluster.ts'
import { ClusterLog } from '../../src/log/kafka/kafka-log.ts'
import { kafkaLimits } from '../../src/log/kafka/kafka-limits.ts'
import { testRuntime } from '../../src/runtime/test-support/harness.ts'
import { openMemoryStorage } from '../../src/state/memory-backend.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import { logOptionsOf, membershipOf } from './take-over-support.ts'
import { around } from './transactions-support.ts'

const [server = '', id = '', url = ''] = process.argv.slice(2)
const { default: topology } = (await import(url)) as { default: TopologyGraph }
let isToDie = false
process.once('message', () => {
  isToDie = true
})
process.once('disconnect', () => process.exit(1))

const options = logOptionsOf([server], id)
const cluster = await openCluster(options)
const crashing = around(cluster, (kind) => {
  if (kind.name === 'EndTxn' && isToDie) kill(pid, 'SIGKILL')
  return kind
})
const log = new ClusterLog(crashing, options, kafkaLimits())
const { state } = await openMemoryStorage({ clock: systemClock })
await testRuntime([topology], { log, state }, { cluster: membershipOf(id, log) }).start()
