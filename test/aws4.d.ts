declare module 'aws4' {
  const aws4: { sign(request: Record<string, unknown>, credentials: unknown): { headers: Record<string, unknown> } }
  export default aws4
}
