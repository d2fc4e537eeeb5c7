import { createTasks, type Tasks } from '../mcp/tasks/tasks.ts'
import type { Table } from '../state/table.ts'

/**
 * Offers tasks where this process goes on behind an answer and its siblings share the table: on fargate. Elsewhere a call is
 * answered when its tool has ended, and the extension is not declared.
 */
export function tasksOf(env: NodeJS.ProcessEnv, table: Table): Tasks | undefined {
  return env.FAIRLEAD_PLATFORM === 'fargate' ? createTasks({ table }) : undefined
}
