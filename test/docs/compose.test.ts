/** deploy/compose as far as it can be judged without Docker: names, files, addresses, and the settings of the instances. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { loadConfiguration } from '../../src/app/configuration.ts'

interface Service {
  readonly image: string
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly depends_on?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, null>>
}

const folder = new URL('../../deploy/compose/', import.meta.url)

function read<Content>(path: string): Content {
  return parse(readFileSync(new URL(path, folder), 'utf8'), { merge: true }) as Content
}

const { services, volumes } = read<Compose>('compose.yaml')
const names = Object.keys(services)
const instances = Object.entries(services).filter(([name]) => /^tidemark-\d$/.test(name))

/** As Compose does, with a value for each variable. */
function environmentOf({ environment = {} }: Service): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value.replaceAll(/\$\{(\w+):\?[^}]*\}/g, 'value-of-$1'),
    ]),
  )
}

describe('the Compose file', () => {
  test('has what it refers to: services, volumes, files', () => {
    for (const [name, { depends_on: needed = [], volumes: mounts = [], build }] of Object.entries(
      services,
    )) {
      for (const other of needed) assert.ok(names.includes(other), `${name} needs ${other}`)
      for (const mount of mounts) {
        const [source = ''] = mount.split(':')
        const isThere = source.startsWith('.')
          ? existsSync(new URL(source, folder))
          : source in volumes
        assert.ok(isThere, `${name} mounts ${source}`)
      }
      if (build === undefined) continue
      const context = new URL(`${build.context}/`, folder)
      const dockerfile = readFileSync(new URL(build.dockerfile, context), 'utf8')
      for (const [, paths = ''] of dockerfile.matchAll(/^COPY (.+) \S+$/gm)) {
        for (const path of paths.split(' ')) assert.ok(existsSync(new URL(path, context)), path)
      }
    }
  })

  test('opens no port to other machines, and none twice', () => {
    const ports = Object.values(services).flatMap(({ ports: own = [] }) => own)
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/)
    const hostPorts = ports.map((port) => port.split(':')[1])
    assert.equal(new Set(hostPorts).size, hostPorts.length)
  })

  test('sets up instances of one application that differ in name and address', () => {
    const configurations = instances.map(([, service]) =>
      loadConfiguration({ flags: {}, environment: environmentOf(service), directory: tmpdir() }),
    )
    assert.equal(configurations.length, 2)
    for (const [index, { cluster, host, dataDir }] of configurations.entries()) {
      const name = instances[index]?.[0] ?? ''
      assert.deepEqual([host, dataDir, cluster?.instanceId], ['0.0.0.0', '/data', name])
      assert.equal(cluster?.endpoint, `http://${name}:8080`)
      const addresses = [
        ...cluster.kafka.bootstrapServers.map((address) => `kafka://${address}`),
        ...cluster.registry.urls,
        cluster.clickhouse.url,
      ]
      for (const address of addresses) assert.ok(names.includes(new URL(address).hostname), address)
      assert.equal(cluster.clickhouse.password?.reveal(), 'value-of-CLICKHOUSE_PASSWORD')
    }
  })

  test('Prometheus looks at every instance, and Grafana gets what its data sources ask for', () => {
    const { scrape_configs: jobs, rule_files: rules } = read<{
      scrape_configs: { static_configs: { targets: string[] }[] }[]
      rule_files: string[]
    }>('../prometheus/prometheus.yml')
    const targets = jobs.flatMap((job) => job.static_configs.flatMap((each) => each.targets))
    assert.deepEqual(
      targets,
      instances.map(([name]) => `${name}:8080`),
    )
    for (const file of rules) assert.ok(existsSync(new URL(`../prometheus/${file}`, folder)), file)
    const sources = readFileSync(
      new URL('../grafana/provisioning/datasources/tidemark.yaml', folder),
      'utf8',
    )
    const given = Object.keys(services['grafana']?.environment ?? {})
    for (const [, name = ''] of sources.matchAll(/\$\{(\w+)\}/g)) {
      assert.ok(given.includes(name), name)
    }
    const { path } = read<{ providers: [{ options: { path: string } }] }>(
      '../grafana/provisioning/dashboards/tidemark.yaml',
    ).providers[0].options
    const mounts = services['grafana']?.volumes ?? []
    assert.ok(mounts.includes(`../grafana/dashboards:${path}:ro`), path)
  })
})
