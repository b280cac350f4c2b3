/** What a training set is made of, as SQL over the tables of `adaptive_learning`. */
import { quoteIdentifier } from '../sinks/clickhouse/fact-table-ddl.ts'
import * as facts from '../facts/adaptive-learning.ts'

const current = `${facts.userAttempts.database}.${facts.userAttempts.table}`
const superseded = `${facts.supersededUserAttempts.database}.${facts.supersededUserAttempts.table}`

/** The attempts as they were known at `{as_of:Int64}`, milliseconds since the epoch. A row counts from when it was
 * computed until another one took its place. */
export const attemptsAsOf = `
  SELECT * EXCEPT (version) FROM ${current}
  WHERE known_at <= fromUnixTimestamp64Milli({as_of:Int64})
  UNION ALL
  SELECT * EXCEPT (version, revision, superseded_at) FROM ${superseded}
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

/** All columns; abilities under the seed's names, `irt_ability_TOPIC_before`, null where the learner had not met the
 * topic. */
export function trainingColumns(topics: readonly string[]): string {
  const abilities = topics.map((topic) => {
    const ability = `irt_ability_before[${quoteText(topic)}]`
    const known = `mapContains(irt_ability_before, ${quoteText(topic)})`
    return `if(${known}, ${ability}, NULL) AS ${quoteIdentifier(`irt_ability_${topic}_before`)}`
  })
  return ['* EXCEPT (irt_ability_before, feature_differences)', ...abilities].join(',\n  ')
}

export const wideViewName = `${current}_wide`

/** A view of all attempts that has one column for the ability in each of these topics. */
export function wideViewStatement(topics: readonly string[]): string {
  return (
    `CREATE OR REPLACE VIEW ${wideViewName} AS\nSELECT\n  ${trainingColumns(topics)}\n` +
    `FROM ${current}`
  )
}

function quoteText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
