import { newest, type Check } from './check.ts'

/** Tools and streams. */
export const toolChecks = {
  'tools-list': {
    level: 'MUST',
    title: 'tools/list gives tools',
    section: `${newest}/server/tools#listing-tools`,
    fix: 'Answer {"tools": […]}.',
  },
  'tool-schemas': {
    level: 'MUST',
    title: 'every tool has a name and an inputSchema of type object',
    section: `${newest}/server/tools#tool`,
    fix: 'Give each tool an inputSchema of {"type":"object"}.',
  },
  'tool-names': {
    level: 'SHOULD',
    title: 'names of tools are unique, of A-Z a-z 0-9 _ - . /, at most 128',
    section: `${newest}/server/tools#tool-names`,
    fix: 'Rename the tool that is named.',
  },
  'tool-descriptions': {
    level: 'SHOULD',
    title: 'every tool has a description',
    section: `${newest}/server/tools#tool`,
    fix: 'Say in a sentence what the tool does: a model chooses by that.',
  },
  'unknown-tool': {
    level: 'MUST',
    title: 'a call of an unknown tool is an error',
    section: `${newest}/server/tools#error-handling`,
    fix: 'Answer with the JSON-RPC error -32602.',
  },
  'stream-as-it-happens': {
    level: 'SHOULD',
    title: 'events arrive one by one, as they are written',
    section: `${newest}/basic/transports`,
    fix: 'Look for a hop that buffers: invoke mode RESPONSE_STREAM, X-Accel-Buffering: no, compression off; an ALB in front of a Lambda cannot stream.',
  },
} as const satisfies Record<string, Check>
