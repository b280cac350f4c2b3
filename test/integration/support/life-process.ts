/** A process that lives as an instance does: `node life-process.ts ID`; prints its address. SIGTERM: it takes its leave. */
import { listen } from '../../../src/server/listen.ts'
import { LifeDoor } from '../../../src/server/console/life-door.ts'

const door = new LifeDoor({ applicationId: 'learning', instanceId: process.argv[2] ?? '' })
const listener = await listen(door.app, { name: 'console', host: '127.0.0.1', port: 0 })
process.stdout.write(`${listener.url}\n`)
process.once('SIGTERM', () => {
  door.leave()
  void listener.close(1_000).then(() => process.exit(0))
})
