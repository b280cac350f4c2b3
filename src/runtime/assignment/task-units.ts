/** Tasks that read the same partition go together, because a partition is assigned to one member. */
import { present } from '../../core/assert.ts'
import { topicPartitionId } from '../../core/record.ts'
import type { TopicPartition } from '../../core/record.ts'
import type { AssignableTask } from './assignment.ts'
import type { AssignorTask } from './task-assignor.ts'

export interface TaskUnit extends AssignableTask {
  /** Each once. */
  readonly inputs: readonly TopicPartition[]
  readonly taskIds: readonly string[]
  readonly statefulTaskIds: readonly string[]
}

/** The id and sub-topology of a unit are those of its first task. */
export function taskUnits(tasks: readonly AssignorTask[]): TaskUnit[] {
  const groups = new Map<AssignorTask, AssignorTask[]>()
  const readers = new Map<string, AssignorTask[]>()
  for (const task of tasks) {
    let group = [task]
    for (const at of task.inputs) {
      const other = readers.get(topicPartitionId(at))
      if (other === undefined || other === group) continue
      group = [...other, ...group]
      groups.delete(present(other[0], 'the first of a unit'))
    }
    for (const at of group.flatMap(({ inputs }) => inputs)) readers.set(topicPartitionId(at), group)
    groups.set(present(group[0], 'the first of a unit'), group)
  }
  return [...groups.values()].map(unitOf)
}

function unitOf(tasks: readonly AssignorTask[]): TaskUnit {
  const first = present(tasks[0], 'the first of a unit')
  const inputs = new Map(
    tasks.flatMap((task) => task.inputs.map((at) => [topicPartitionId(at), at])),
  )
  const stateful = tasks.filter(({ stores }) => stores.length > 0)
  return {
    id: first.id,
    subTopology: first.subTopology,
    isStateful: stateful.length > 0,
    inputs: [...inputs.values()],
    taskIds: tasks.map(({ id }) => id),
    statefulTaskIds: stateful.map(({ id }) => id),
  }
}
