/** The model of this version: all of src/facts, all topologies, all migrations, and what the program makes itself. */
import { readdirSync } from 'node:fs'
import { ownFacts } from '../../src/app/fact-consumers.ts'
import { bundledTopologyNames, loadTopologies } from '../../src/app/topologies.ts'
import { factsModel, type DefinedFact, type FactsModel } from './facts-model.ts'
import { currentRelations, type Relation } from './relations.ts'

const factsFolder = new URL('../../src/facts/', import.meta.url)

export interface CurrentFacts {
  readonly model: FactsModel
  readonly relations: readonly Relation[]
}

export async function currentFacts(): Promise<CurrentFacts> {
  const topologies = await loadTopologies(bundledTopologyNames())
  const relations = await currentRelations()
  const model = factsModel({
    graphs: topologies.map(({ graph }) => graph),
    // Some folders of facts build their tables from a list: those are known by their topology alone.
    facts: [
      ...new Set([
        ...(await definedFacts()),
        ...topologies.flatMap(({ factTables }) => factTables),
        ...ownFacts,
      ]),
    ],
    relations,
  })
  return { model, relations }
}

async function definedFacts(): Promise<readonly DefinedFact[]> {
  const files = readdirSync(factsFolder).filter((file) => file.endsWith('.ts'))
  const modules = await Promise.all(
    files.map((file) => import(new URL(file, factsFolder).href) as Promise<object>),
  )
  return modules.flatMap((module) => Object.values(module) as unknown[]).filter(isFactTable)
}

function isFactTable(value: unknown): value is DefinedFact {
  return typeof value === 'object' && value !== null && 'keyColumns' in value && 'topic' in value
}
