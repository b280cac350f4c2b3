/**
 * What is known of a learner, and how an attempt changes it: SM-2 per item, knowledge and ability per topic, counts
 * of the last hour to month. Each attempt is a step forwards, and what `step` returns is enough to take it back, so
 * that a late one is put in its place by going back to there and forwards again.
 *
 * The difficulty of an item is kept per learner: it starts where the event says (or at 0) and moves with the
 * learner's own encounters. So a learner's features follow from the learner's attempts alone (law 1), whatever
 * partition, order or batch the attempts of others come in.
 */
import { assert, present } from '../../core/assert.ts'
import { avroSerde } from '../../schema/avro-serde.ts'
import { compareText } from '../text-order.ts'
import { encounterAfter, probabilityCorrect } from './ability.ts'
import type { Attempt } from './attempt.ts'
import { bktAfter } from './bkt.ts'
import type { FeatureParameters } from './parameters.ts'
import { qualityOf } from './quality.ts'
import { sm2After, sm2Start, type Sm2State } from './sm2.ts'
import {
  count,
  countsAt,
  emptyCounts,
  uncount,
  windowCountsSchema,
  type WindowCount,
  type WindowCounts,
  type WindowName,
} from './window-counts.ts'

/** Where an attempt stands among those of its learner: by time, then arrival of late ones, then id. */
export interface Position {
  readonly orderMs: number
  /** 0; of an attempt that came too late to stand at its time: above that of all before it. */
  readonly rank: number
  readonly attemptId: string
}

export interface Learner {
  /** Of the last attempt; null before the first. */
  latest: Position | null
  /** By topic, ascending; logits. */
  readonly abilities: { readonly topic: string; value: number }[]
  readonly counts: WindowCounts
}

export interface LearnerTopic {
  known: number
  /** Logits. */
  ability: number
  answers: number
  readonly counts: WindowCounts
}

export interface LearnerItem {
  sm2: Sm2State
  /** Logits. */
  difficulty: number
  encounters: number
}

/** All that one attempt reads and changes. */
export interface LearnerStates {
  readonly learner: Learner
  readonly topic: LearnerTopic
  readonly item: LearnerItem
}

/** Logits at one moment; eight bytes a topic, since many attempts of a batch each keep theirs. */
export interface Abilities {
  /** Ascending; shared by all moments at which the learner knew the same ones. */
  readonly topics: readonly string[]
  readonly values: Float64Array
  /** Of the topics' names. */
  readonly textBytes: number
}

export interface Features {
  readonly sm2: Sm2State
  readonly known: number
  /** In the topic of the attempt, logits. */
  readonly ability: number
  /** That of the attempt's own topic among them. */
  readonly abilities: Abilities
  readonly difficulty: number
  readonly probabilityCorrect: number
  readonly userCounts: Readonly<Record<WindowName, WindowCount>>
  readonly topicCounts: Readonly<Record<WindowName, WindowCount>>
}

/** What an attempt replaced. */
export interface Undo {
  readonly sm2: Sm2State
  readonly difficulty: number
  readonly known: number
  readonly ability: number
  readonly userBuckets: WindowCounts
  readonly topicBuckets: WindowCounts
}

export function newLearner(): Learner {
  return { latest: null, abilities: [], counts: emptyCounts() }
}

export function newLearnerTopic({ bkt }: FeatureParameters): LearnerTopic {
  return { known: bkt.known, ability: 0, answers: 0, counts: emptyCounts() }
}

export function newLearnerItem(): LearnerItem {
  return { sm2: sm2Start, difficulty: 0, encounters: 0 }
}

/** What an attempt at this place would find. */
export function featuresBefore(
  { learner, topic, item }: LearnerStates,
  attempt: Attempt,
  orderMs: number,
): Features {
  const difficulty = difficultyBefore(item, attempt)
  return {
    sm2: item.sm2,
    known: topic.known,
    ability: topic.ability,
    abilities: abilitiesWith(learner, attempt.topic, topic.ability),
    difficulty,
    probabilityCorrect: probabilityCorrect(topic.ability, difficulty),
    userCounts: countsAt(learner.counts, orderMs),
    topicCounts: countsAt(topic.counts, orderMs),
  }
}

/** Applies an attempt that stands after all before it. */
export function step(
  { learner, topic, item }: LearnerStates,
  attempt: Attempt,
  position: Position,
  parameters: FeatureParameters,
): Undo {
  const { correct, timestampMs: atMs } = attempt
  const difficulty = difficultyBefore(item, attempt)
  const undo: Undo = {
    sm2: item.sm2,
    difficulty: item.difficulty,
    known: topic.known,
    ability: topic.ability,
    userBuckets: count(learner.counts, { atMs, correct }, position.orderMs),
    topicBuckets: count(topic.counts, { atMs, correct }, position.orderMs),
  }
  const after = encounterAfter(
    {
      ability: { value: topic.ability, count: topic.answers },
      difficulty: { value: difficulty, count: item.encounters },
    },
    correct,
  )
  item.sm2 = sm2After(item.sm2, qualityOf(attempt, parameters))
  item.difficulty = after.difficulty.value
  item.encounters = after.difficulty.count
  topic.known = bktAfter(topic.known, correct, parameters.bkt)
  topic.ability = after.ability.value
  topic.answers = after.ability.count
  setAbility(learner, attempt.topic, topic.ability)
  learner.latest = position
  return undo
}

/** Takes back the attempt applied last; `latest` is for the caller, who knows what stands before. */
export function stepBack(
  { learner, topic, item }: LearnerStates,
  { topic: name, correct, timestampMs: atMs }: Attempt,
  undo: Undo,
): void {
  assert(topic.answers > 0 && item.encounters > 0, 'an attempt that is taken back was applied')
  item.sm2 = undo.sm2
  item.difficulty = undo.difficulty
  item.encounters -= 1
  topic.known = undo.known
  topic.ability = undo.ability
  topic.answers -= 1
  uncount(topic.counts, { atMs, correct }, undo.topicBuckets)
  uncount(learner.counts, { atMs, correct }, undo.userBuckets)
  if (topic.answers > 0) setAbility(learner, name, topic.ability)
  else removeAbility(learner, name)
}

function difficultyBefore(item: LearnerItem, { itemDifficulty }: Attempt): number {
  return item.encounters === 0 ? (itemDifficulty ?? 0) : item.difficulty
}

type KnownTopics = Pick<Abilities, 'topics' | 'textBytes'>

/** Of the learners whose topics have not changed since. */
const topicsOf = new WeakMap<Learner['abilities'], KnownTopics>()

function knownTopics(abilities: Learner['abilities']): KnownTopics {
  const before = topicsOf.get(abilities)
  if (before !== undefined) return before
  const topics = abilities.map(({ topic }) => topic)
  const textBytes = topics.reduce((sum, topic) => sum + Buffer.byteLength(topic), 0)
  const known = { topics, textBytes }
  topicsOf.set(abilities, known)
  return known
}

function abilitiesWith({ abilities }: Learner, topic: string, value: number): Abilities {
  const at = placeOfTopic(abilities, topic)
  const isKnown = abilities[at]?.topic === topic
  const known = knownTopics(abilities)
  const values = new Float64Array(abilities.length + (isKnown ? 0 : 1))
  const behind = isKnown ? 0 : 1
  for (let index = 0; index < abilities.length; index += 1) {
    values[index < at ? index : index + behind] = abilities[index]?.value ?? 0
  }
  values[at] = value
  if (isKnown) return { ...known, values }
  const textBytes = known.textBytes + Buffer.byteLength(topic)
  return { topics: known.topics.toSpliced(at, 0, topic), textBytes, values }
}

function setAbility({ abilities }: Learner, topic: string, value: number): void {
  const at = placeOfTopic(abilities, topic)
  const known = abilities[at]
  if (known?.topic === topic) {
    known.value = value
    return
  }
  abilities.splice(at, 0, { topic, value })
  topicsOf.delete(abilities)
}

function removeAbility({ abilities }: Learner, topic: string): void {
  abilities.splice(placeOfTopic(abilities, topic), 1)
  topicsOf.delete(abilities)
}

/** Where it stands, or would. */
function placeOfTopic(abilities: Learner['abilities'], topic: string): number {
  let [low, high] = [0, abilities.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareText(present(abilities[middle], 'a topic').topic, topic) < 0) low = middle + 1
    else high = middle
  }
  return low
}

const sm2Schema = {
  type: 'record',
  name: 'Sm2State',
  fields: [
    { name: 'easinessFactor', type: 'double' },
    { name: 'intervalDays', type: 'int' },
    { name: 'repetitions', type: 'int' },
  ],
} as const

export const undoSchema = {
  type: 'record',
  name: 'Undo',
  fields: [
    { name: 'sm2', type: sm2Schema },
    { name: 'difficulty', type: 'double' },
    { name: 'known', type: 'double' },
    { name: 'ability', type: 'double' },
    { name: 'userBuckets', type: windowCountsSchema },
    {
      name: 'topicBuckets',
      type: { type: 'array', items: { type: 'array', items: 'WindowBucket' } },
    },
  ],
} as const

export const learnerSerde = avroSerde<Learner>('store learners', 1, {
  type: 'record',
  name: 'Learner',
  fields: [
    {
      name: 'latest',
      type: [
        'null',
        {
          type: 'record',
          name: 'Position',
          fields: [
            { name: 'orderMs', type: 'long' },
            { name: 'rank', type: 'long' },
            { name: 'attemptId', type: 'string' },
          ],
        },
      ],
    },
    {
      name: 'abilities',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'Ability',
          fields: [
            { name: 'topic', type: 'string' },
            { name: 'value', type: 'double' },
          ],
        },
      },
    },
    { name: 'counts', type: windowCountsSchema },
  ],
})

export const learnerTopicSerde = avroSerde<LearnerTopic>('store learner-topics', 1, {
  type: 'record',
  name: 'LearnerTopic',
  fields: [
    { name: 'known', type: 'double' },
    { name: 'ability', type: 'double' },
    { name: 'answers', type: 'long' },
    { name: 'counts', type: windowCountsSchema },
  ],
})

export const learnerItemSerde = avroSerde<LearnerItem>('store learner-items', 1, {
  type: 'record',
  name: 'LearnerItem',
  fields: [
    { name: 'sm2', type: sm2Schema },
    { name: 'difficulty', type: 'double' },
    { name: 'encounters', type: 'long' },
  ],
})
