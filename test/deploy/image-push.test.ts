import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { pinMadeUpBase } from '../support/pinned-base.ts'
import { publishBase } from './support/base-image.ts'
import { account, region, registryPassword, startFakeAws, type FakeAws } from './support/fake-aws/start.ts'
import { startOciRegistry, type OciRegistry } from './support/oci-registry.ts'
import { deployProject, run, type DeployProject } from './support/run.ts'

let project: DeployProject
let aws: FakeAws
let upstream: OciRegistry
let ecr: OciRegistry
const { fetch } = globalThis

beforeAll(async () => {
  project = await deployProject()
  aws = await startFakeAws()
  upstream = await startOciRegistry()
  publishBase(upstream, 'docker/library/node', '24-bookworm-slim')
  ecr = await startOciRegistry({ auth: { kind: 'basic', username: 'AWS', password: registryPassword }, likeEcr: true })
  // The names of the registries lead to those here, as a name server would have it.
  const hosts: [string, string][] = [
    [`https://${account}.dkr.ecr.${region}.amazonaws.com/`, `http://${ecr.host}/`],
    ['https://public.ecr.aws/', `http://${upstream.host}/`],
  ]
  globalThis.fetch = async (input, init) => {
    const url = String(input instanceof Request ? input.url : input)
    const [name, here] = hosts.find(([each]) => url.startsWith(each)) ?? []
    if (name === undefined) return fetch(input, init)
    const response = await fetch(url.replace(name, here!), init)
    return Object.defineProperty(response, 'url', { value: url })
  }
})
afterAll(async () => {
  globalThis.fetch = fetch
  const { faults } = aws
  await Promise.all([aws.close(), upstream.close(), ecr.close(), project.remove()])
  expect(faults).toEqual([])
})

function deploy(...more: string[]) {
  return deployWith({}, ...more)
}

function deployWith(own: Record<string, string>, ...more: string[]) {
  const env = {
    ...aws.env,
    HOME: join(project.dir, 'home'),
    CDK_VALIDATION: 'false',
    FAIRLEAD_POLL_MS: '20',
    CI: '',
    ...own,
  }
  return run(['deploy', '--yes', '--no-doctor', '--project', project.dir, ...more], env)
}

it('an image is pushed before the stack that names it by digest, also through a registry that drops the connection', async () => {
  await project.configure({ platforms: { 'agentcore-runtime': { package: 'image' }, fargate: {} } })
  const unpinned = await deployWith({ CI: 'true' }, '--platform', 'agentcore-runtime')
  expect(unpinned.stderr).toMatch(/IMAGE_BASE_UNPINNED[^]*Why {3}CI is set/)
  expect(unpinned.code).toBe(2)
  expect(aws.log.filter(({ operation }) => /Create|Execute|Put/.test(operation))).toEqual([])
  expect(upstream.requests).toEqual([])

  ecr.faults.push({ at: 'PUT blob', dropAfter: 1000 }, { at: 'PUT manifest', status: 503 })
  const first = await deploy('--platform', 'agentcore-runtime')
  expect(first.stderr.match(/fairlead\.lock\.json now pins .*/g)).toEqual([
    expect.stringMatching(/^.* public\.ecr\.aws\/docker\/library\/node:24-bookworm-slim for linux\/arm64 at sha256:.*commit it/), // prettier-ignore
  ])
  expect(first.stderr).toMatch(
    /image sha256:[0-9a-f]{64}\n {2}layer 1 of 3: 0\.3 MB sent\n {2}layer 2 of 3: 0\.0 MB sent\n {2}layer 3 of 3: \d\.\d MB sent\n {2}\d+\.\d MB sent\n/,
  )
  expect(first.code).toBe(0)
  expect(ecr.faults.map(({ times }) => times)).toEqual([0, 0])
  const [, digest] = /image (sha256:[0-9a-f]{64})/.exec(first.stderr)!
  const repository = `cdk-hnb659fds-container-assets-${account}-${region}`
  expect(ecr.manifests.has(`${repository}@${digest}`)).toBe(true)
  expect(aws.stacks.get('hello-default-agentcore-runtime')!.template).toContain(`${repository}@${digest}`)

  // The same image, so nothing is sent; the tasks come after the authorization service.
  const tasks = await deployWith({ CI: 'true' }, '--platform', 'fargate')
  expect(tasks.stderr).not.toContain('fairlead.lock.json')
  expect(tasks.stderr).toContain(`image ${digest}\n  it is there already`)
  expect(tasks.stderr).toMatch(/\$\d+\.\d\d +AWS::ElasticLoadBalancingV2::LoadBalancer/)
  expect(tasks.stderr).not.toContain('Not counted')
  expect(tasks.stdout).toMatch(/^fargate {2}https:\/\/.*\(oauth\)/)
  expect(tasks.code).toBe(0)
  expect(aws.stacks.get('hello-default-fargate')!.template).toContain(`${repository}@${digest}`)

  // By the role that CDK's bootstrap made for it; who may not take that on pushes as themselves.
  const pushers = () => aws.log.flatMap(({ operation, identity }) => (operation === 'GetAuthorizationToken' ? [identity.arn] : [])) // prettier-ignore
  expect(new Set(pushers())).toEqual(new Set([`arn:aws:sts::${account}:assumed-role/cdk-hnb659fds-image-publishing-role-${account}-${region}/fairlead`])) // prettier-ignore
  aws.switches.denied.add('sts.AssumeRole')
  const again = await deploy('--platform', 'agentcore-runtime')
  aws.switches.denied.clear()
  expect(pushers().at(-1)).toBe(`arn:aws:iam::${account}:user/ada`)
  expect(again.stderr).toContain('it is there already')
  expect(again.code).toBe(0)
}, 60_000)

it('our own gateway as tasks has an image of its own, which is pushed once, also where its stack fails', async () => {
  const jwt = { discoveryUrl: 'https://login.example.com/.well-known/openid-configuration', allowedAudience: ['tools'] }
  const gateway = { name: 'tools', roleArn: `arn:aws:iam::${account}:role/replaced`, authorizerType: 'CUSTOM_JWT', authorizerConfiguration: { customJWTAuthorizer: jwt } } // prettier-ignore
  const notes = { name: 'notes', targetConfiguration: { mcp: { mcpServer: { endpoint: 'https://notes.example.com/mcp' } } } } // prettier-ignore
  for (const [name, body] of Object.entries({ gateway, notes })) writeFileSync(join(project.dir, `${name}.json`), JSON.stringify(body)) // prettier-ignore
  const own = { gateway: './gateway.json', targets: ['./notes.json'], deployAs: 'fargate' }
  await project.configure({ platforms: { 'agentcore-gateway': own, fargate: {} } })
  const stack = 'hello-default-agentcore-gateway'
  aws.failing.set('AWS::ECS::Service', 'Resource handler returned message: "ECS Deployment Circuit Breaker was triggered"') // prettier-ignore
  const failed = await deploy('--platform', 'agentcore-gateway')
  aws.failing.clear()
  expect(failed.stderr).toMatch(/layer 3 of 3: \d\.\d MB sent\n[^]*CREATE_FAILED +AWS::ECS::Service +GatewayService\w+\n +Resource handler/) // prettier-ignore
  expect(failed.stderr).toMatch(/Fix .*fairlead logs --platform agentcore-gateway$/m)
  expect(failed.code).toBe(7)
  expect(aws.stacks.get(stack)!.status).toBe('ROLLBACK_COMPLETE')

  const [, digest] = /image (sha256:[0-9a-f]{64})/.exec(failed.stderr)!
  const repository = `cdk-hnb659fds-container-assets-${account}-${region}`
  expect(ecr.manifests.has(`${repository}@${digest}`)).toBe(true)
  const sent = ecr.requests.filter((each) => each.startsWith('PUT')).length
  const { code, stdout, stderr } = await deploy('--platform', 'agentcore-gateway')
  expect(stderr).toContain(`image ${digest}\n  it is there already`)
  expect(ecr.requests.filter((each) => each.startsWith('PUT'))).toHaveLength(sent)
  expect(stdout).toMatch(/^agentcore-gateway {2}https:\/\/\S+\.cloudfront\.net\/mcp {2}\(jwt\)/)
  expect(code).toBe(0)
  expect(aws.stacks.get(stack)!.template).toContain(`${repository}@${digest}`)

  const both = await deploy()
  expect(both.stderr.match(/^image sha256:[0-9a-f]{64}$/gm)).toHaveLength(2)
  expect(both.stderr).toContain(`${stack}  no changes`)
  expect(both.stdout).toMatch(/^fargate .*\(oauth\)[^]*^agentcore-gateway .*\(jwt\)/m)
  expect(both.code).toBe(0)
  const env = { ...aws.env, HOME: join(project.dir, 'home'), CDK_VALIDATION: 'false', FAIRLEAD_POLL_MS: '20' }
  const destroyed = await run(['destroy', '--yes', '--project', project.dir, '--platform', 'agentcore-gateway'], env)
  expect(destroyed.stdout).toBe(`Destroyed: ${stack}\n`)
}, 60_000)

it('a base in a private registry of Amazon ECR is pinned and read with the credentials of who deploys', async () => {
  const reference = `${account}.dkr.ecr.${region}.amazonaws.com/ours/node:24`
  publishBase(ecr, 'ours/node', '24')
  await project.configure({ platforms: { 'agentcore-runtime': { package: 'image', baseImage: reference } } })
  aws.log.length = 0
  const { code, stderr } = await deploy()
  expect(stderr).toContain(`fairlead.lock.json now pins ${reference} for linux/arm64`)
  expect(stderr).toMatch(/layer 1 of 3: 0\.3 MB was there, in another repository\n[^]* 2 layers were there/)
  expect(code).toBe(0)
  const first = aws.log.find(({ operation }) => operation === 'GetAuthorizationToken')
  expect(first!.identity.arn).toBe(`arn:aws:iam::${account}:user/ada`)
}, 60_000)

/** A Docker that writes down how it was called and with which stdin, and has no image yet. */
function fakeDocker(daemon: 'runs' | 'is not there' | 'cannot build'): { PATH: string; calls(): string[] } {
  const folder = join(project.dir, `docker that ${daemon}`)
  mkdirSync(folder, { recursive: true })
  const [log, gone] = [join(folder, 'calls'), "echo 'Cannot connect to the Docker daemon' >&2; exit 1"]
  const script = `#!/bin/sh
case "$1" in login) stdin=$(cat);; esac
echo "$* <$stdin>" >> '${log}'
case "$1" in version) ${daemon === 'is not there' ? gone : 'exit 0'};; inspect) exit 1;; esac
echo "docker says $1"
${daemon === 'cannot build' ? '[ "$1" != build ] || { echo "no space left on device" >&2; exit 1; }' : ''}
`
  writeFileSync(join(folder, 'docker'), script)
  chmodSync(join(folder, 'docker'), 0o755)
  return { PATH: `${folder}:${process.env.PATH}`, calls: () => readFileSync(log, 'utf8').trimEnd().split('\n') }
}

it.skipIf(process.platform === 'win32')(
  '--docker builds and pushes by Docker, and looks first whether it can',
  async () => {
    await project.configure({ platforms: { 'agentcore-runtime': { package: 'image' } } })
    pinMadeUpBase(project.dir)
    aws.log.length = 0
    const docker = ['--docker', '--platform', 'agentcore-runtime', '--json']
    const broken = fakeDocker('is not there')
    const refused = await deployWith({ PATH: broken.PATH }, ...docker)
    expect(refused.stdout).toContain('docker cannot build: Cannot connect to the Docker daemon')
    expect(refused.code).toBe(7)
    const missing = await deployWith({ CDK_DOCKER: 'no-docker-here' }, ...docker)
    expect(missing.stdout).toContain('DOCKER_MISSING')
    expect(missing.code).toBe(2)
    expect(broken.calls()).toEqual(['version <>'])
    expect(aws.log).toEqual([])

    const full = await deployWith({ PATH: fakeDocker('cannot build').PATH }, ...docker)
    expect(JSON.parse(full.stdout)).toMatchObject({
      error: { code: 'DOCKER_FAILED', message: expect.stringContaining('no space left on device') as string },
    })
    expect(full.stdout + full.stderr).not.toContain(registryPassword)
    expect(full.code).toBe(7)

    const there = fakeDocker('runs')
    const sent = ecr.requests.length
    const { code, stdout, stderr } = await deployWith({ PATH: there.PATH }, ...docker)
    expect(JSON.parse(stdout)).toMatchObject({ ok: true })
    expect(code).toBe(0)
    const registry = `${account}.dkr.ecr.${region}.amazonaws.com`
    const uri = `${registry}/cdk-hnb659fds-container-assets-${account}-${region}`
    expect(there.calls().map((call) => call.replaceAll(/[0-9a-f]{64}/g, 'HASH'))).toEqual([
      'version <>',
      `login --username AWS --password-stdin ${registry} <${registryPassword}>`,
      'inspect cdkasset-HASH <>',
      'build --tag cdkasset-HASH --platform linux/arm64 . <>',
      `tag cdkasset-HASH ${uri}:HASH <>`,
      `push ${uri}:HASH <>`,
    ])
    const { template } = aws.stacks.get('hello-default-agentcore-runtime')!
    expect(template).toContain(`:${/cdkasset-([0-9a-f]{64})/.exec(there.calls()[3]!)![1]}`)
    expect(stdout + stderr).not.toContain(registryPassword)
    expect(ecr.requests).toHaveLength(sent)
  },
  60_000,
)
