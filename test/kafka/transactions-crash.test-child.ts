/** Ends itself by SIGKILL when its transaction is filled and not yet ended. Arguments: server, topic, id, protocol. */
import { kill, pid } from 'node:process'

import { systemClock } from '../../src/core/clock.ts'
import { topicName } from '../../src/core/record.ts'
import { openCluster } from '../../src/log/kafka/connected-cluster.ts'
import { around, at, noGroup, position, records, transactionsOn } from './transactions-support.ts'

const [server = '', topic = '', id = '', protocol = '2'] = process.argv.slice(2)
const bootstrapServers = [server]
const cluster = await openCluster({ bootstrapServers, clientId: 'crash', clock: systemClock })
const crashing = around(cluster, (kind) => {
  if (kind.name === 'EndTxn') kill(pid, 'SIGKILL')
  return kind
})
const transactions = transactionsOn(crashing, { protocolMax: protocol === '1' ? 1 : 2 })
const transaction = (await transactions.producer(id)).begin()
transaction.send({ ...at(topicName(topic), 0), records: records('dangling') })
transaction.sendOffsets(noGroup(`${id}-group`), [
  { ...at(topicName(topic), 0), offset: position(9) },
])
await transaction.commit()
