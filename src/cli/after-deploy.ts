import { fileURLToPath } from 'node:url'
import { setTimeout as after } from 'node:timers/promises'
import { isInstalled, thisHome } from '../connect/clients/detect.ts'
import { entryFor, fairleadCommand, type ClientEntry, type Endpoint } from '../connect/clients/entry.ts'
import { clientNames } from '../connect/clients/table.ts'
import { isPlatform, type Part } from '../deploy/deployment.ts'
import type { OpenToolkit } from '../deploy/toolkit.ts'
import { examine, type Examination } from '../doctor/examine.ts'
import type { Access } from '../doctor/target.ts'
import type { Platform } from '../platforms.ts'

export interface DeployedEndpoint {
  platform: Platform
  url: string
  auth: string
  service?: string
}

/** The MCP endpoints among what the stacks give out. */
export function endpointsOf(stacks: readonly { part: Part; outputs: Record<string, string> }[]): DeployedEndpoint[] {
  return stacks.flatMap(({ part, outputs: { Url: url, Auth: auth = 'none', Service: service } }) =>
    url !== undefined && isPlatform(part)
      ? [{ platform: part, url, auth, ...(service === undefined ? {} : { service }) }]
      : [],
  )
}

/** Lets the doctor look at an endpoint. Permissions and names of a new one take a while to be known everywhere, so it looks again. */
export async function examineDeployed(
  { platform, url, auth, service }: DeployedEndpoint,
  { credentials, region }: OpenToolkit,
  isNew: boolean,
): Promise<Examination> {
  const access: Access =
    auth === 'iam' ? { kind: 'iam', credentials: await credentials(), service: service ?? 'lambda', region } : { kind: 'none' } // prettier-ignore
  for (let left = isNew ? 4 : 1; ; left--) {
    const found = await examine({ url, access, platform })
    if (found.ok || left <= 1) return found
    await after(5000)
  }
}

/** The entries of an endpoint for the MCP clients of this machine; for one that many read when there are none. */
export function connectEntries(
  { platform, url, auth, service }: DeployedEndpoint,
  region: string,
  name: string,
): ClientEntry[] {
  // prettier-ignore
  const kind = auth === 'iam' ? 'sigv4' : auth === 'none' ? 'none' : 'oauth'
  const signing = kind === 'sigv4' ? ['--service', service ?? 'lambda', '--region', region] : []
  const endpoint: Endpoint = { url, auth: kind, proxyArgs: [url, '--auth', kind, ...signing] }
  const home = thisHome()
  const installed = clientNames.filter((each) => isInstalled(each, home))
  const bin = fileURLToPath(new URL('../../bin/fairlead.js', import.meta.url))
  return (installed.length > 0 ? installed : (['cursor'] as const)).map((each) =>
    entryFor(each, `${name}-${platform}`, endpoint, fairleadCommand(bin)),
  )
}

/** Says it for a reader: the doctor's findings in short, and how a client gets there. */
export function endpointText(
  { platform, url, auth, service }: DeployedEndpoint,
  examined: Examination | undefined,
  entries: readonly ClientEntry[],
  region: string,
): string[] {
  const bad = examined?.findings.filter(({ ok, level }) => !ok && level === 'MUST') ?? []
  const kind = auth === 'iam' ? `--auth sigv4 --service ${service ?? 'lambda'} --region ${region}` : auth === 'none' ? '--auth none' : '--auth oauth' // prettier-ignore
  return [
    '',
    `${platform}  ${url}  (${auth})`,
    ...(examined
      ? examined.ok
        ? [`  ✔ doctor: ${examined.findings.length} checks passed`]
        : [
            ...bad.flatMap(({ id, says, fix }) => [`  ✗ ${id}: ${says}`, `    Fix: ${fix}`]),
            ...(examined.notReached.length > 0 ? [`  ✗ not reached: ${examined.notReached.join(', ')}`] : []),
            `  fairlead doctor ${url} looks again`,
          ]
      : []),
    ...entries.map(({ title, name, entry }) => `  ${title}: ${JSON.stringify({ [name]: entry })}`),
    `  fairlead connect CLIENT --on ${url} ${kind} --write`,
  ]
}
