export default { name: 'plain', server: { kind: 'module', entry: './server.ts' }, platforms: { lambda: {} } }
