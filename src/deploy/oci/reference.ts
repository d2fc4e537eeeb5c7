import { FairleadError } from '../../errors.ts'

export interface Reference {
  /** Host, and port where there is one. */
  registry: string
  repository: string
  /** A tag or a digest: what a manifest is asked for by. */
  version: string
}

/**
 * Reads the name of an image as Docker does: `node:24` is `docker.io/library/node:24`.
 * @see https://github.com/distribution/reference/blob/main/reference.go
 */
export function parseReference(text: string): Reference {
  const [, name = '', tag, digest] =
    /^([a-z0-9][\w./:-]*?)(?::([\w][\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(text) ?? []
  const slash = name.indexOf('/')
  const first = slash < 0 ? '' : name.slice(0, slash)
  const named = /[.:]/.test(first) || first === 'localhost'
  const path = named ? name.slice(slash + 1) : name
  if (!/^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/.test(path) || /[^\w.:-]/.test(first))
    throw new FairleadError('IMAGE_BASE_INVALID', `${JSON.stringify(text)} is not the name of an image`)
  const version = digest ?? tag ?? 'latest'
  if (!named || first === 'docker.io')
    return { registry: 'registry-1.docker.io', repository: path.includes('/') ? path : `library/${path}`, version }
  return { registry: first, repository: path, version }
}

/** Where a registry answers: https, and http on loopback alone. */
export function originOf(registry: string): string {
  return `${isLoopbackHost(registry.replace(/:\d+$/, '')) ? 'http' : 'https'}://${registry}`
}

/** Whether something may be sent there: a redirect or a token's realm can name any address. */
export function isSafeUrl({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname))
}

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)
}
