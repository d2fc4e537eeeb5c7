// Runs the program of a peer in this process, and says what it takes: `peer.mjs URL_OF_THE_PROGRAM ITS ARGUMENTS`.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0))
process.on('message', (what) => {
  const { user, system } = process.cpuUsage()
  process.send(what === 'cpu' ? user + system : process.memoryUsage().rss / 1e6)
})
const [node, , program, ...args] = process.argv
process.argv = [node, new URL(program).pathname, ...args]
await import(program)
process.send('')
