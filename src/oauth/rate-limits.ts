import type { SealedTable } from './sealed-table.ts'

/** Registrations in an hour: from one address unless the options say otherwise, and from all. */
export const registrationsPerHour = 10
const perService = 500
/** Metadata documents in a minute, from one host. */
const perHost = 30

/**
 * Says whether another client may register now. The counters are in the table, so all processes count together.
 * The address is the one that the trusted proxy saw: what a client writes into X-Forwarded-For stands to the left of it.
 */
export async function mayRegister(table: SealedTable, address: string, perHour: number): Promise<boolean> {
  if ((await table.count('Register', address, 3600)) > perHour) return false
  return (await table.count('Register', 'all', 3600)) <= perService
}

export async function mayFetchDocument(table: SealedTable, host: string): Promise<boolean> {
  return (await table.count('Document', host, 60)) <= perHost
}

/** The n-th address from the right of X-Forwarded-For; without trusted hops, the peer itself. */
export function addressOf(forwardedFor: string | null, trustedHops: number, peer: string): string {
  if (trustedHops < 1) return peer
  const hops = (forwardedFor ?? '').split(',').map((hop) => hop.trim())
  return hops.at(-trustedHops) || peer
}
