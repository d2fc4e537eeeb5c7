/** Tells the bench where a server is, and what it has used when it asks. */
export function announce(url: string, close: () => Promise<void> = async () => {}): void {
  process.send!(url)
  process.on('message', (what) => {
    const { user, system } = process.cpuUsage()
    process.send!(what === 'cpu' ? user + system : process.memoryUsage().rss / 1e6)
  })
  process.on('SIGTERM', () => void close().finally(() => process.exit(0)))
}
