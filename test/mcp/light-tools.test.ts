import { McpServer } from '@modelcontextprotocol/server'
import { expect, it } from 'vitest'
import { registerToolsLightly } from '../../src/mcp/light-tools.ts'

interface Keeper {
  _registeredTools: Record<string, object>
}

it('knows the registered tool of this SDK', () => {
  expect(registerToolsLightly()).toBe(true)
  const server = new McpServer({ name: 'a', version: '1' })
  const tool = server.registerTool('plain', {}, () => ({ content: [] }))
  expect(Object.getOwnPropertyDescriptor(tool, 'outputSchemaJson')?.get).toBeUndefined()
})

it('changes a tool as the SDK does', () => {
  registerToolsLightly()
  const server = new McpServer({ name: 'a', version: '1' })
  const { _registeredTools: tools } = server as unknown as Keeper
  const tool = server.registerTool('one', { description: 'before' }, () => ({ content: [] }))
  tool.disable()
  expect(tool.enabled).toBe(false)
  tool.update({ name: 'two', description: 'after', enabled: true })
  expect([Object.keys(tools), tools.two === tool, tool.description, tool.enabled]).toEqual([
    ['two'],
    true,
    'after',
    true,
  ])
  tool.update({ name: 'three' })
  tool.remove()
  expect(Object.keys(tools)).toEqual([])
  tool.enable()
  expect(Object.keys(tools)).toEqual([])
})
