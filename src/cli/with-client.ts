import { connectInstance, type InstanceClient } from '../app/instance-client.ts'
import { configurationOf, type CommonFlags } from './common-options.ts'

/** The instance of these flags, for as long as `use` takes. */
export async function withClient<T>(
  flags: CommonFlags,
  use: (client: InstanceClient) => Promise<T>,
): Promise<T> {
  const client = await connectInstance(configurationOf(flags))
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}
