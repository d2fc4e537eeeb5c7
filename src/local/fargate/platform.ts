import { randomUUID } from 'node:crypto'
import { findNode } from '../lambda/node.ts'
import { Notes } from '../notes.ts'
import { callIn } from '../observe.ts'
import type { PlatformOptions, RunningPlatform } from '../platform.ts'
import { localEnvironment } from '../template/environment.ts'
import { startLoadBalancer, type Exchange } from './load-balancer.ts'
import { Service } from './service.ts'

/** Faster than on AWS, where a check each 30 s is usual: a developer waits here. */
const healthCheck = { path: '/healthz', intervalMs: 5000, healthyCount: 2, unhealthyCount: 2 }

/** Runs the artifact as tasks behind a load balancer, and each task guards itself by OAuth as it will on AWS. */
export async function startFargatePlatform(options: PlatformOptions): Promise<RunningPlatform> {
  const { project, authorization, log } = options
  const { tasks = 2, memoryMb = 1024 } = project.config.platforms.fargate ?? {}
  const notes = new Notes()
  let service: Service | undefined
  const balancer = await startLoadBalancer({
    port: options.port,
    targets: () => service?.targets() ?? [],
    // Tasks reach each other directly; nobody else has business there.
    closedPrefix: '/.fairlead/',
    ...(options.faults ? { faults: options.faults } : {}),
    onEnd: (exchange) => options.requests.expect(record(exchange, notes, options)),
  })
  try {
    const url = `${balancer.url}/mcp`
    service = new Service({
      node: findNode(log),
      artifactDir: options.artifactDir,
      tasks,
      memoryMb,
      env: options.deployed?.fargate
        ? localEnvironment(options.deployed.fargate.env, { ...options.env, ...authorization!.guard(url) })
        : {
            ...options.env,
            ...authorization!.guard(url),
            FAIRLEAD_PLATFORM: 'fargate',
            FAIRLEAD_PROJECT_DIR: project.dir,
          },
      log: (line) => notes.take(line) || log(line),
      healthCheck,
      deregistrationDelayS: 10,
      stopTimeoutS: 10,
      startTimeoutMs: 15_000,
    })
    await service.start()
    const running = service
    return {
      endpoint: { url, auth: 'oauth' },
      replace: (artifactDir) => running.replace(artifactDir),
      close: async () => {
        await balancer.close()
        await running.close()
      },
    }
  } catch (error) {
    await balancer.close()
    throw error
  }
}

async function record(exchange: Exchange, notes: Notes, { requests, as = 'fargate' }: PlatformOptions): Promise<void> {
  const { traceId, body, target, rawHeaders, answerHeaders, answerBody, ...rest } = exchange
  const note = await notes.of(traceId)
  const call = exchange.method === 'POST' ? callIn(body) : {}
  const record = { id: traceId || randomUUID(), platform: as, ...rest, ...note, ...call }
  const answer = exchange.status >= 400 ? { answer: { headers: answerHeaders, body: answerBody } } : {}
  requests.add(record, { target, rawHeaders, body, ...answer })
}
