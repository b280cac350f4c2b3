import type { InstanceClient } from '../app/instance-client.ts'
import { TidemarkError } from '../core/errors.ts'
import type { PrintedRow } from './print-rows.ts'

/** @throws TidemarkError QUERY_FAILED with what ClickHouse says */
export async function queryRows(
  client: InstanceClient,
  text: string,
  parameters: Readonly<Record<string, string>>,
): Promise<PrintedRow[]> {
  const search = new URLSearchParams({ default_format: 'JSON' })
  for (const [name, value] of Object.entries(parameters)) search.set(`param_${name}`, value)
  const response = await client.clickhouse(`/?${search.toString()}`, { method: 'POST', body: text })
  if (!response.ok) throw new TidemarkError('QUERY_FAILED', (await response.text()).trim())
  return ((await response.json()) as { data: PrintedRow[] }).data
}
