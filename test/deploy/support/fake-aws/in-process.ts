import { afterEach, beforeEach, expect } from 'vitest'
import { startFakeAws, type FakeAws } from './start.ts'

/** Gives each test of a file an AWS that this process speaks with. A request or an answer that is not AWS's own fails the test. */
export function fakeAwsInProcess(take: (aws: FakeAws) => void): void {
  const before = { ...process.env }
  let aws: FakeAws
  beforeEach(async () => {
    aws = await startFakeAws()
    Object.assign(process.env, aws.env)
    take(aws)
  })
  afterEach(async () => {
    const { faults } = aws
    await aws.close()
    for (const key of Object.keys(aws.env)) delete process.env[key]
    Object.assign(process.env, before)
    expect(faults).toEqual([])
  })
}
