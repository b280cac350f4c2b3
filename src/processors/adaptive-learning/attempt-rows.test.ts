import assert from 'node:assert/strict'
import { test } from 'node:test'
import { userAttempts } from '../../facts/adaptive-learning.ts'
import { avroSerde } from '../../schema/avro-serde.ts'
import { attemptRow, attemptRowBytes } from './attempt-rows.ts'
import { attemptOf } from './attempt.ts'
import { attempt, baseMs } from './feed.test-support.ts'
import { featuresBefore, newLearner, newLearnerItem, newLearnerTopic, step } from './learner.ts'
import { defaultParameters } from './parameters.ts'

const serde = avroSerde<object>('a row', 1, userAttempts.topic.schema)

for (const isBrought of [false, true]) {
  test(`what a row is taken to have in bytes is about what it has, with abilities ${isBrought ? 'of the event' : 'computed'}`, () => {
    for (const topicCount of [1, 100, 2000]) {
      const topics = Array.from({ length: topicCount }, (_, at) => `a topic of some length ${at}`)
      const learner = newLearner()
      const brought = isBrought
        ? Object.fromEntries(topics.map((topic, at) => [topic, at / 7]))
        : null
      const item = newLearnerItem()
      for (const [at, name] of (isBrought ? ['algebra'] : topics).entries()) {
        const topic = newLearnerTopic(defaultParameters)
        const event = attemptOf(attempt({ topic: name }), baseMs + at, baseMs)
        const place = { orderMs: baseMs + at, rank: 0, attemptId: `${at}` }
        step({ learner, topic, item }, event, place, defaultParameters)
      }
      const own = attemptOf(attempt({ irt_ability_before: brought }), baseMs, baseMs)
      const states = { learner, topic: newLearnerTopic(defaultParameters), item }
      const parts = {
        attempt: own,
        features: featuresBefore(states, own, baseMs + topicCount),
        isLate: false,
        knownAtMs: baseMs,
      }
      const bytes = serde.serialize(attemptRow(parts, defaultParameters)).length
      const about = attemptRowBytes(parts)
      assert.ok(about >= bytes * 0.9 && about <= bytes * 2.5 + 600, `${about} for ${bytes} bytes`)
    }
  })
}
