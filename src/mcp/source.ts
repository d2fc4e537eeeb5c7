import type { McpServerFactory } from '@modelcontextprotocol/server'
import type { FetchHandler } from '../http/fetch-handler.ts'

/** A server, however it was brought: something that makes an SDK server for each client, or something that answers HTTP. */
export type ServerSource =
  | { kind: 'factory'; factory: McpServerFactory; close?: () => Promise<void> }
  | { kind: 'fetch'; fetch: FetchHandler; close?: () => Promise<void> }
