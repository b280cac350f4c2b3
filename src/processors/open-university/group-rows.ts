/** The rows of the sums over students. */
import type * as engagement from '../../facts/open-university-engagement.ts'
import type { Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import { groupKinds, latestDayOf, type Group, type GroupKey } from './groups.ts'
import { dayOfPresentationMs } from './presentation.ts'
import { attributeSums, funnelSums, weekSums } from './shares.ts'

/** The names of the nodes that get the rows. */
export const groupPorts = {
  funnel: 'enrolment-funnel',
  week: 'weekly-engagement',
  attribute: 'engagement-by-attribute',
} as const

export class GroupRowsProcessor implements Processor<GroupKey, Group | null> {
  #context!: ProcessorContext

  init(context: ProcessorContext): void {
    this.#context = context
  }

  process({ key, value, ...record }: StreamRecord<GroupKey, Group | null>): void {
    const [kind, module, presentation, part] = key
    const rowKey = {
      [groupKinds.funnel]: [module, presentation],
      [groupKinds.week]: [module, presentation, part],
      [groupKinds.attribute]: [module, presentation, part, key[4]],
    }[kind]
    // Who takes part in any way keeps a group; a row is about those whom it counts.
    const row = value === null ? null : this.#rowOf(key, value)
    this.#context.forward({ ...record, key: rowKey, value: row }, groupPorts[kind])
  }

  #rowOf(key: GroupKey, group: Group) {
    const [kind, code_module, code_presentation, part, value] = key
    const of = {
      code_module,
      code_presentation,
      event_time: dayOfPresentationMs(code_presentation, latestDayOf(group) ?? 0),
      known_at: this.#context.wallClockMs,
    }
    if (kind === groupKinds.funnel) return { ...of, ...funnelOf(group) }
    if (kind === groupKinds.week) return { ...of, week: Number(part), ...weekOf(group) }
    return { ...of, attribute: String(part), attribute_value: value, ...attributeOf(group) }
  }
}

type Columns<Row> = Omit<
  Row,
  | 'code_module'
  | 'code_presentation'
  | 'event_time'
  | 'known_at'
  | 'week'
  | 'attribute'
  | 'attribute_value'
>

function funnelOf(group: Group): Columns<engagement.EnrolmentFunnel> {
  const { participants: _, ...sums } = named(funnelSums, group)
  const completed = sums.passed + sums.distinctions
  return {
    ...sums,
    withdrawn_undated: sums.withdrawn - sums.withdrawn_dated,
    completion_rate: sums.enrolments === 0 ? null : completed / sums.enrolments,
    latest_day: latestDayOf(group),
  }
}

function weekOf(group: Group): Columns<engagement.WeeklyEngagement> {
  const { active_students, active_days, sum_click } = named(weekSums, group)
  return { active_students, active_days, sum_click }
}

function attributeOf(group: Group): Columns<engagement.EngagementByAttribute> {
  const { scored, score_millionths, ...sums } = named(attributeSums, group)
  return {
    ...sums,
    average_score: scored === 0 ? null : score_millionths / scored / 1e6,
    clicks_per_student: sums.sum_click / sums.students,
  }
}

function named<Name extends string>(
  names: readonly Name[],
  { sums }: Group,
): Readonly<Record<Name, number>> {
  return Object.fromEntries(names.map((name, index) => [name, sums[index] ?? 0])) as Record<
    Name,
    number
  >
}
