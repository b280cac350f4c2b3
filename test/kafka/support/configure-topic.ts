/** Settings of a topic, set as an operator sets them. */
import { Admin, ConfigResourceTypes } from '@platformatic/kafka'
import type { TestKafka } from './kafka-for-tests.ts'

const setOperation = 0

export async function configureTopic(
  kafka: Pick<TestKafka, 'servers'>,
  topic: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...kafka.servers] })
  const configs = Object.entries(settings).map(([name, value]) => ({
    name,
    configOperation: setOperation,
    value,
  }))
  try {
    await admin.incrementalAlterConfigs({
      resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configs }],
    } as Parameters<Admin['incrementalAlterConfigs']>[0])
  } finally {
    await admin.close()
  }
}
