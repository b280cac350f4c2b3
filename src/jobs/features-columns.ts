/** What a training set is made of, as SQL over the tables of `adaptive_learning`. */
import { quoteIdentifier } from '../sinks/clickhouse/fact-table-ddl.ts'
import { textLiteral } from '../sinks/clickhouse/run-statement.ts'
import * as facts from '../facts/adaptive-learning.ts'

const current = `${facts.userAttempts.database}.${facts.userAttempts.table}`
const superseded = `${facts.supersededUserAttempts.database}.${facts.supersededUserAttempts.table}`

/** Without effect on the rows. A condition above it is not moved into the reading of the table: there the engine would
 * read maps by whole granules, thousands of rows of them in memory, where it reads a block (`max_block_size`) otherwise. */
const asRead = 'LIMIT 1000000000000'

/** The attempts as they were known at `{as_of:Int64}`, milliseconds since the epoch. A row counts from when it was
 * computed until another one took its place. */
export const attemptsAsOf = `
  SELECT * EXCEPT (version) FROM (SELECT * FROM ${current} ${asRead})
  WHERE known_at <= fromUnixTimestamp64Milli({as_of:Int64})
  UNION ALL
  SELECT * EXCEPT (version, revision, superseded_at) FROM (SELECT * FROM ${superseded} ${asRead})
  WHERE known_at <= fromUnixTimestamp64Milli({as_of:Int64})
    AND superseded_at > fromUnixTimestamp64Milli({as_of:Int64})`

/**
 * The rows of a training set. A late row was applied last, so its features rest on attempts that came after it in event
 * time: it is among them only where it is asked for.
 */
export function trainingRows(includeLate: boolean): string {
  return includeLate ? attemptsAsOf : `SELECT * FROM (${attemptsAsOf}) WHERE NOT is_late`
}

export const topicsQuery = `
  SELECT DISTINCT arrayJoin(mapKeys(irt_ability_before)) AS topic FROM (${attemptsAsOf}) ORDER BY topic
  FORMAT JSONCompactEachRow`

export const knownTopicsQuery = `
  SELECT DISTINCT arrayJoin(mapKeys(irt_ability_before)) AS topic FROM ${current} ORDER BY topic`

const maps = 'irt_ability_before, feature_differences'

/** Of a row's columns that do not depend on the topics. */
export const fixedBytes = `byteSize(* EXCEPT (${maps}))`

/** Of a nullable 64-bit float. */
export const abilityColumnBytes = 9

/**
 * The rows in order of time, with all columns; abilities under the seed's names, `irt_ability_TOPIC_before`, null where
 * the learner had not met the topic.
 *
 *  1. The map becomes an array in the topics' order: looked up topic by topic, it would be gone through for each of them.
 *  2. Rows are put in order with that array, and only then is each of its places a column: thousands of columns in many
 *     small blocks take many times their bytes.
 *
 * @param rows FROM and WHERE
 */
export function trainingSelect(topics: readonly string[], rows: string): string {
  const order = 'ORDER BY event_time, user_id, attempt_id'
  if (topics.length === 0) return `SELECT * EXCEPT (${maps}) ${rows} ${order}`
  const count = topics.length
  // Beyond the end of the array there is no place: what is not asked for is left out.
  const places =
    `arrayMap(topic -> transform(topic, [${topics.map(textLiteral).join(', ')}],` +
    ` range(${count}), ${count}), mapKeys(irt_ability_before))`
  const placed = `arrayReduce('groupArrayInsertAt(nan, ${count})', mapValues(irt_ability_before), ${places})`
  const columns = topics.map((topic, at) => `abilities[${at + 1}] AS ${abilityColumn(topic)}`)
  return `SELECT * EXCEPT (abilities), ${columns.join(', ')} FROM (
    SELECT * FROM (
      SELECT * EXCEPT (${maps}),
        arrayMap(ability -> if(isNaN(ability), NULL, ability), ${placed}) AS abilities
      ${rows} ${asRead}
    ) ${order})`
}

/** The most that the door allows. */
export const queryTimeoutSeconds = 300

export const wideViewName = `${current}_wide`

/** A view of all attempts that has one column for the ability in each of these topics. */
export function wideViewStatement(topics: readonly string[]): string {
  const columns = topics.map(
    (topic) => `abilities[${textLiteral(topic)}] AS ${abilityColumn(topic)}`,
  )
  const all = [`* EXCEPT (${maps})`, ...columns].join(',\n  ')
  return (
    `CREATE OR REPLACE VIEW ${wideViewName} AS\n` +
    "WITH CAST(irt_ability_before, 'Map(String, Nullable(Float64))') AS abilities\n" +
    `SELECT\n  ${all}\nFROM ${current}`
  )
}

function abilityColumn(topic: string): string {
  return quoteIdentifier(`irt_ability_${topic}_before`)
}
