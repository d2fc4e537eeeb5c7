export interface FargateSize {
  /** 1,024 are one vCPU. */
  cpu: number
  memoryMb: number
}

/** @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html (task CPU and memory, read 2026-11-25) */
const sizes: readonly { cpu: number; memories: readonly number[] }[] = [
  { cpu: 256, memories: [512, 1024, 2048] },
  { cpu: 512, memories: steps(1024, 4096) },
  { cpu: 1024, memories: steps(2048, 8192) },
  { cpu: 2048, memories: steps(4096, 16_384) },
  { cpu: 4096, memories: steps(8192, 30_720) },
]

/**
 * The size of a task with at least so much memory, as Fargate has it: half a vCPU for each GB where there is such a size,
 * since a server that answers many calls needs both.
 */
export function fargateSize(memoryMb: number): FargateSize {
  const wanted = memoryMb / 2
  const most = sizes.filter(({ memories }) => memories.at(-1)! >= memoryMb)
  const { cpu, memories } = most.findLast(({ cpu: each, memories: [least = 0] }) => each <= wanted && least <= memoryMb) ?? most[0]! // prettier-ignore
  return { cpu, memoryMb: memories.find((each) => each >= memoryMb)! }
}

function steps(from: number, to: number): number[] {
  return Array.from({ length: (to - from) / 1024 + 1 }, (_, at) => from + at * 1024)
}
