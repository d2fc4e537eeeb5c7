/**
 * The versions of a runtime and its endpoints, which clients name as the qualifier. A version never changes; `DEFAULT` is
 * the newest one, and another endpoint stays at the version that it was given.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/agent-runtime-versioning.html (read 2026-11-22)
 */
export class Versions {
  readonly #artifacts: string[]
  readonly #endpoints = new Map<string, number>()

  constructor(artifactDir: string) {
    this.#artifacts = [artifactDir]
  }

  get newest(): number {
    return this.#artifacts.length
  }

  publish(artifactDir: string): void {
    this.#artifacts.push(artifactDir)
  }

  /** Makes an endpoint, or moves one, as CreateAgentRuntimeEndpoint does. */
  pin(endpoint: string, version: number): void {
    this.#endpoints.set(endpoint, version)
  }

  /** The artifact behind a qualifier; undefined where there is no such endpoint. */
  artifactOf(qualifier: string): string | undefined {
    const version = qualifier === 'DEFAULT' ? this.newest : this.#endpoints.get(qualifier)
    return version === undefined ? undefined : this.#artifacts[version - 1]
  }
}
