export { LambdaMcpServer, type LambdaMcpServerProps } from './lambda-mcp-server.ts'
