// Dynalite has no types. The build puts it and what it needs into this file, so that users install none of it.
import type { Server } from 'node:http'
import create from 'dynalite'

/** Makes a DynamoDB in memory, as an HTTP server that does not listen yet. @see https://github.com/architect/dynalite */
export const dynalite = create as (options: {
  createTableMs: number
  deleteTableMs: number
  updateTableMs: number
}) => Server
