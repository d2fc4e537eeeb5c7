// Runs the artifact of a gateway as its platform does, and says where it listens and what it takes.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0))
process.on('message', (what) => {
  const { user, system } = process.cpuUsage()
  process.send(what === 'cpu' ? user + system : process.memoryUsage().rss / 1e6)
})
// oxlint-disable-next-line no-console
console.log = (line) => process.send(JSON.parse(line).listening)
await import(process.argv[2])
