declare module 'aws4' {
  const aws4: {
    sign(request: Record<string, unknown>, credentials: unknown): { headers: Record<string, string | number> }
  }
  export default aws4
}
