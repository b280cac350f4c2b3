/** What each contender is started with, in the order of java/Mcq.java's arguments. */
export interface ContenderArguments {
  readonly bootstrapServers: string
  readonly applicationId: string
  readonly input: string
  readonly interactions: string
  readonly summaries: string
  readonly guarantee: 'exactly-once' | 'at-least-once'
  /** Empty; removed after the run. */
  readonly stateFolder: string
}

export function contenderArguments(values: readonly string[]): ContenderArguments {
  const [bootstrapServers, applicationId, input, interactions, summaries, guarantee, stateFolder] =
    values
  if (guarantee !== 'exactly-once' && guarantee !== 'at-least-once') {
    throw new RangeError(`the guarantee is ${guarantee}: use exactly-once or at-least-once`)
  }
  if (stateFolder === undefined) throw new RangeError('seven arguments are wanted')
  return {
    bootstrapServers: bootstrapServers ?? '',
    applicationId: applicationId ?? '',
    input: input ?? '',
    interactions: interactions ?? '',
    summaries: summaries ?? '',
    guarantee,
    stateFolder,
  }
}

export function asValues(given: ContenderArguments): string[] {
  return [
    given.bootstrapServers,
    given.applicationId,
    given.input,
    given.interactions,
    given.summaries,
    given.guarantee,
    given.stateFolder,
  ]
}
