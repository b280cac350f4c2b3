/** An instance in this process, without doors. */
import type { Configuration } from '../../../src/app/configuration.ts'
import { openInstance, type Instance } from '../../../src/app/instance.ts'

/** For as long as `use` takes, and until everything is processed and queryable. */
export async function withIdleInstance<T>(
  configuration: Configuration,
  use: (instance: Instance) => Promise<T>,
): Promise<T> {
  const instance = await openInstance(configuration, { listen: false })
  try {
    const result = await use(instance)
    while (!(await instance.whenIdle(10_000)));
    return result
  } finally {
    await instance.stop()
  }
}
