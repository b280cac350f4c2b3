import {
  conformanceKey,
  conformanceTable,
  sinkConformance,
} from '../sink-conformance.test-suite.ts'
import { MemorySink } from './memory-sink.test-support.ts'

const tables = [{ table: conformanceTable, keyColumns: conformanceKey }]
let sink = new MemorySink(tables)

sinkConformance('memory sink', () =>
  Promise.resolve({
    sink: {
      setup: () => sink.setup(),
      identitiesOf: (tables) => sink.identitiesOf(tables),
      write: (rows) => sink.write(rows),
      close: () => sink.close(),
    },
    current: () => Promise.resolve(sink.rows(conformanceTable)),
    clear: () => {
      sink = new MemorySink(tables)
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
  }),
)
