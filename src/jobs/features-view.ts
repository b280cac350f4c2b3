/**
 * `features.view`: all attempts with a column for the ability in each topic, `irt_ability_TOPIC_before`. A view has fixed
 * columns, and topics come with the attempts: so it is made anew now and then, and whenever it is asked for.
 */
import { TidemarkError } from '../core/errors.ts'
import type { ClickHouse } from '../sinks/clickhouse/clickhouse.ts'
import { statementError } from '../sinks/clickhouse/failure.ts'
import { ask } from '../sinks/clickhouse/run-statement.ts'
import { knownTopicsQuery, wideViewName, wideViewStatement } from './features-columns.ts'
import type { Job } from './job.ts'
import { fieldsOf } from './lake/requests.ts'

/** Four times ClickHouse's own limit. */
const statementBytesMax = 1024 * 1024
/** Each is some nodes of the statement's tree, of which ClickHouse takes 50,000 (`max_ast_elements`). */
const columnsMax = 5_000

export interface FeaturesViewRequest {
  /** Abilities in these become columns; null: in all that occur. */
  readonly topics: readonly string[] | null
}

export interface FeaturesView {
  readonly view: string
  readonly topics: readonly string[]
}

export function featuresViewJob(clickhouse: ClickHouse): Job<FeaturesViewRequest, FeaturesView> {
  const name = 'features.view'
  return {
    name,
    parse: (request) => {
      const { topics = null } = fieldsOf(request, ['topics'], name)
      if (topics === null || isTexts(topics)) return { topics }
      throw new TidemarkError('REQUEST_INVALID', `${name}: topics is a list of names, each once`)
    },
    run: async ({ topics }) => {
      const columns = topics ?? (await knownTopics(clickhouse))
      await createView(clickhouse, columns)
      return { view: wideViewName, topics: columns }
    },
  }
}

/** @throws TidemarkError REQUEST_INVALID where there are too many topics, SINK_REFUSED | SINK_UNAVAILABLE */
async function createView(clickhouse: ClickHouse, topics: readonly string[]): Promise<void> {
  const query = wideViewStatement(topics)
  const longest = { max_query_size: String(statementBytesMax) }
  if (Buffer.byteLength(query) > statementBytesMax || topics.length > columnsMax) {
    throw new TidemarkError(
      'REQUEST_INVALID',
      `${wideViewName}: ${topics.length} topics are too many for one view, whose statement has` +
        ` ${Buffer.byteLength(query)} bytes (at most ${columnsMax} topics and ${statementBytesMax} bytes);` +
        ' name fewer: tidemark features view --create --topics',
    )
  }
  try {
    await clickhouse.writer.command({ query, clickhouse_settings: longest })
  } catch (thrown) {
    throw statementError(thrown, wideViewName)
  }
}

async function knownTopics(clickhouse: ClickHouse): Promise<readonly string[]> {
  const rows = await ask<{ readonly topic: string }>(clickhouse, knownTopicsQuery)
  return rows.map(({ topic }) => topic)
}

function isTexts(value: unknown): value is readonly string[] {
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) return false
  return new Set(value).size === value.length
}
