import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'

/** Gives a port of 127.0.0.1 that nobody has now. Who takes it has to live with another one being faster. */
export async function freePort(): Promise<number> {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  await once(holder.close(), 'close')
  return port
}

/** Says whether somebody listens on a port of 127.0.0.1. */
export async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  // A port that nobody has may become the caller's own, which then answers itself.
  const there = await once(socket, 'connect').then(
    () => socket.localPort !== port,
    () => false,
  )
  socket.destroy()
  return there
}
