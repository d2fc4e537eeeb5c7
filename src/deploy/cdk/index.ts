export { FunctionFront, OriginSecret, type FunctionFrontProps } from './function-front.ts'
export { LambdaMcpServer, type LambdaMcpServerProps } from './lambda-mcp-server.ts'
export { McpWebAcl, type McpWebAclProps } from './web-acl.ts'
export { Observability, type ObservabilityProps } from './observability.ts'
