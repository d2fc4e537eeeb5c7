import {
  attributes,
  aws,
  named,
  list,
  longest,
  number,
  object,
  text,
  type Properties,
  type Rule,
  type Template,
} from './rule.ts'

/** What a template says of containers and the load balancer in front of them. */
export const taskRules = {
  'alb-idle-short': {
    level: 'MUST',
    section: `${aws}/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html`,
    fix: 'Set idle_timeout.timeout_seconds to 300 or more, and send a comment every 25 s.',
    wrong: (template) =>
      template
        .of('AWS::ElasticLoadBalancingV2::LoadBalancer')
        .filter(({ properties }) => (idleOf(properties) || 60) <= Math.max(60, longest(template)))
        .map(({ id }) => [id, 'Its idle timeout is 60 s or less than a tool may take: a quiet stream is cut.']),
  },
  'alb-http': {
    level: 'MUST',
    section: `${aws}/elasticloadbalancing/latest/application/create-https-listener.html`,
    fix: 'Use an HTTPS listener with a certificate; OAuth needs it.',
    wrong: (template) =>
      template
        .of('AWS::ElasticLoadBalancingV2::Listener')
        .filter(
          ({ properties }) =>
            properties.Protocol === 'HTTP' &&
            !isVpcOrigin(template, named(properties.LoadBalancerArn)) &&
            !list(properties.DefaultActions).some(({ Type }) => Type === 'redirect'),
        )
        .map(({ id }) => [id, 'It takes plain HTTP: tokens are readable on the way.']),
  },
  'alb-lambda-target': {
    level: 'MUST',
    section: `${aws}/elasticloadbalancing/latest/application/lambda-functions.html`,
    fix: 'Use a function URL: a load balancer cannot stream from a Lambda, and takes 1 MB each way.',
    wrong: ({ of }) =>
      of('AWS::ElasticLoadBalancingV2::TargetGroup')
        .filter(({ properties }) => properties.TargetType === 'lambda')
        .map(({ id }) => [id, 'Its target is a Lambda: 1 MB each way, and no streams.']),
  },
  'keep-alive-short': {
    level: 'SHOULD',
    section: `${aws}/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#connection-idle-timeout`,
    fix: 'Let the server keep connections open for longer than idle_timeout.timeout_seconds of the load balancer: what it closes first makes a 502.',
    wrong: (template) => {
      const idles = template
        .of('AWS::ElasticLoadBalancingV2::LoadBalancer')
        .map(({ properties }) => idleOf(properties) || 60)
      if (idles.length === 0) return []
      const idle = Math.max(...idles)
      return environments(template).flatMap(({ id, name, value }): [string, string][] => {
        const seconds = keepAliveSeconds(name, value)
        return seconds !== undefined && seconds <= idle
          ? [[id, `${name} is ${seconds} s; the load balancer keeps a connection for ${idle} s.`]]
          : []
      })
    },
  },
  'container-on-loopback': {
    level: 'MUST',
    section: `${aws}/AmazonECS/latest/developerguide/task-networking-awsvpc.html`,
    fix: 'Listen on 0.0.0.0 in a container: on loopback nothing reaches it, the health check neither.',
    wrong: (template) =>
      environments(template)
        .filter(
          ({ name, value }) =>
            /^(HOST|HOSTNAME|BIND|LISTEN|MCP_HOST|FASTMCP_HOST|SERVER_HOST)(_ADDR(ESS)?)?$/i.test(name) &&
            /^(127\.0\.0\.1|localhost|::1)(:|$)/.test(value),
        )
        .map(({ id, name, value }) => [id, `${name} is ${value}: its server listens on loopback.`]),
  },
  'container-port': {
    level: 'MUST',
    section: `${aws}/AmazonECS/latest/APIReference/API_LoadBalancer.html`,
    fix: 'Name a ContainerPort that the container has in its PortMappings.',
    wrong: ({ of }) => {
      const ports = of('AWS::ECS::TaskDefinition').flatMap(({ properties }) =>
        list(properties.ContainerDefinitions).flatMap((each) =>
          list(each.PortMappings).map(({ ContainerPort }) => number(ContainerPort)),
        ),
      )
      if (ports.length === 0) return []
      return of('AWS::ECS::Service').flatMap(({ id, properties }) =>
        list(properties.LoadBalancers)
          .map(({ ContainerPort }) => number(ContainerPort))
          .filter((port) => Number.isFinite(port) && !ports.includes(port))
          .map((port): [string, string] => [id, `It sends to port ${port}, and no container has that.`]),
      )
    },
  },
  'stop-before-drained': {
    level: 'SHOULD',
    section: `${aws}/AmazonECS/latest/developerguide/load-balancer-connection-draining.html`,
    fix: 'Set deregistration_delay.timeout_seconds to no more than the StopTimeout of the container, at most 120.',
    wrong: ({ of }) => {
      const stops = of('AWS::ECS::TaskDefinition').flatMap(({ properties }) =>
        list(properties.ContainerDefinitions).map((each) => number(each.StopTimeout ?? 30)),
      )
      const stop = Math.min(...stops)
      return stops.length === 0
        ? []
        : of('AWS::ElasticLoadBalancingV2::TargetGroup')
            .filter(
              ({ properties }) =>
                number(
                  attributes(properties.TargetGroupAttributes).get('deregistration_delay.timeout_seconds') ?? 300,
                ) > stop,
            )
            .map(({ id }) => [
              id,
              `It drains longer than the container has to stop (${stop} s): calls in flight are killed.`,
            ])
    },
  },
  'task-image-architecture': {
    level: 'SHOULD',
    section: `${aws}/AmazonECS/latest/developerguide/ecs-arm64.html`,
    fix: 'Say RuntimePlatform.CpuArchitecture: ARM64 or X86_64, as the image is.',
    wrong: ({ of }) =>
      of('AWS::ECS::TaskDefinition')
        .filter(({ properties }) => object(properties.RuntimePlatform).CpuArchitecture === undefined)
        .map(({ id }) => [id, 'It does not say its CPU architecture: X86_64 is taken.']),
  },
  'stateful-not-sticky': {
    level: 'SHOULD',
    section: `${aws}/elasticloadbalancing/latest/application/edit-target-group-attributes.html`,
    fix: 'Keep sessions outside the tasks, or take FAIRLEAD_SESSIONS stateless: clients do not keep the cookie of a sticky target.',
    wrong: ({ of }) =>
      of('AWS::ECS::Service')
        .filter(
          ({ properties }) =>
            Math.max(
              number(properties.DesiredCount ?? 1),
              ...of('AWS::ApplicationAutoScaling::ScalableTarget').map(
                (each) => number(each.properties.MaxCapacity) || 1,
              ),
            ) > 1,
        ) // prettier-ignore
        .filter(() =>
          of('AWS::ECS::TaskDefinition').some(({ properties }) =>
            list(properties.ContainerDefinitions).some((each) =>
              list(each.Environment).some(({ Name, Value }) => /SESSIONS/.test(text(Name)) && Value === 'memory'),
            ),
          ),
        )
        .map(({ id }) => [id, 'More than one task, and sessions in the memory of each.']),
  },
} as const satisfies Record<string, Rule>

function idleOf(properties: Properties): number {
  return number(attributes(properties.LoadBalancerAttributes).get('idle_timeout.timeout_seconds') ?? 60)
}

function environments({ of }: Template): { id: string; name: string; value: string }[] {
  return of('AWS::ECS::TaskDefinition').flatMap(({ id, properties }) =>
    list(properties.ContainerDefinitions).flatMap((each) =>
      list(each.Environment).map(({ Name, Value }) => ({ id, name: text(Name), value: String(Value) })),
    ),
  )
}

/** In seconds or, by its name or its size, in milliseconds. */
function keepAliveSeconds(name: string, value: string): number | undefined {
  if (!/KEEP_?ALIVE/i.test(name) || !/^\d+$/.test(value)) return undefined
  const isMs = /_?MS$|MILLIS/i.test(name) || (Number(value) >= 5000 && !/_S$|SECONDS/i.test(name))
  return isMs ? Number(value) / 1000 : Number(value)
}

/** An internal load balancer behind a VPC origin: the way to it is CloudFront's own, and nobody else's. */
function isVpcOrigin({ of }: Template, loadBalancer: string): boolean {
  const isInternal = of('AWS::ElasticLoadBalancingV2::LoadBalancer').some(
    ({ id, properties }) => id === loadBalancer && properties.Scheme === 'internal',
  )
  const isOrigin = of('AWS::CloudFront::VpcOrigin').some(
    ({ properties }) => named(object(properties.VpcOriginEndpointConfig).Arn) === loadBalancer,
  )
  return isInternal && isOrigin
}
