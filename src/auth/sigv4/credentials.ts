/** AWS credentials; `sessionToken` with temporary ones. */
export interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}
