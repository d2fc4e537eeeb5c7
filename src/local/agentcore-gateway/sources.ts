import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { AgentcoreGatewayConfig } from '../../config.ts'
import { gatewayFiles } from '../../gateway/project.ts'
import type { Sources } from '../platform.ts'

/** Knows the files of a gateway by their bytes: `taken` notes those that it runs with. */
export class GatewaySources implements Sources {
  readonly #config: AgentcoreGatewayConfig
  readonly #dir: string
  #digest = ''
  #folders: string[] = []

  constructor(config: AgentcoreGatewayConfig, dir: string) {
    this.#config = config
    this.#dir = dir
  }

  folders(): readonly string[] {
    return this.#folders
  }

  async changed(): Promise<boolean> {
    return (await this.read()) !== this.#digest
  }

  taken(digest: string): void {
    this.#digest = digest
  }

  /** The digest of all of them as they are now. */
  async read(): Promise<string> {
    const files = await gatewayFiles(this.#config, this.#dir)
    this.#folders = [...new Set(files.map((file) => dirname(file)))]
    const sum = createHash('sha256')
    for (const file of files)
      sum
        .update(file)
        .update('\0')
        .update(await readFile(file).catch(() => 'absent'))
        .update('\0')
    return sum.digest('hex')
  }
}
