/** What the repository promises about itself, as data. `../tidy.test.ts` holds it to that. */

/** Data flows down this list, and a folder of `src/` imports only from itself and from folders below it. */
export const folderOrder = [
  'cli',
  'app',
  'server',
  'console',
  'testing',
  'jobs',
  'sources',
  'runtime',
  'topology',
  'processors',
  'quality',
  'facts',
  'sinks',
  'state',
  'log',
  'schema',
  'core',
] as const

interface PackageRule {
  readonly packages: RegExp
  /** Files and folders that may import it. */
  readonly onlyIn: readonly string[]
}

export const packageRules: readonly PackageRule[] = [
  // `doctor` loads both engines to see whether they work on this machine.
  {
    packages: /^rocksdb-native$/,
    onlyIn: ['src/log/embedded/', 'src/state/', 'src/app/doctor.ts', 'bench/'],
  },
  {
    packages: /^chdb(\/|$)/,
    onlyIn: ['src/sinks/clickhouse/', 'src/app/doctor.ts', 'bench/', 'test/'],
  },
  {
    packages: /^(kafkajs|@platformatic\/kafka|node-rdkafka)$/,
    onlyIn: ['src/log/kafka/', 'tools/kafka/', 'bench/', 'test/'],
  },
]

/** Where a program starts, or where its user does: what none of these reaches, nobody needs. */
export const entryPoints: readonly RegExp[] = [
  /^src\/cli\/main\.ts$/,
  /^topologies\//,
  /^src\/testing\//,
  /^bench\//,
  /^examples\//,
]

/** Reached by tests alone, for a reason; the list may only shrink. */
export const programsToCome: readonly string[] = []

/** Files of tests: they may import from any folder, print, and be long inside `describe`. */
export const testFile = /\.test(-suite|-support|-child)?\.ts$|\/test-support\/|^test\//

export const limits = { fileLines: 400, functionLines: 60 } as const

/** Commands: what they print is what they are for. */
export const mayPrint = /^(src\/cli|bench|examples|tools|test)\//
