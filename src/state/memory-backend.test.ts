import { logConformance } from '../log/log-conformance.test-suite.ts'
import { openMemoryStorage } from './memory-backend.ts'

logConformance('in memory', (options) => openMemoryStorage(options))
