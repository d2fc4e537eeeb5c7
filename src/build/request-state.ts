/**
 * Whether an artifact's code seals what it gives to its clients between two requests: then all its processes need one secret,
 * FAIRLEAD_SECRET. A secret costs money each month, so a server that seals nothing is deployed without one.
 */
export function usesRequestState(code: string): boolean {
  // The purpose for which src/mcp/request-state.ts derives its key; the module is in no bundle that does not use it.
  return code.includes('"request-state"')
}
