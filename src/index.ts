export type {
  Backplane,
  BackplaneListener,
  BackplaneNode,
  BackplaneState,
  BackplaneView,
  ClusterCursor,
  KickOutcome,
  PublishedCursor,
  PublishOptions,
  PublishOutcome,
  Reservation,
} from './backplane/backplane.js';
export { MemoryEngine, memoryBackplane } from './backplane/memory.js';
export { type RedisBackplaneOptions, redisBackplane } from './backplane/redis.js';
export { type CursorEmitter, type CursorEmitterOptions, createCursorEmitter } from './emit/cursor-emitter.js';
export * from './manager/index.js';
export type { FaultPreset } from './options/fault-presets.js';
export { devNamespaceProvider } from './server/auth/dev.js';
export { type JwtProviderOptions, jwtNamespaceProvider } from './server/auth/jwt.js';
export { loadNamespaceProvider } from './server/auth/module.js';
export type {
  ConnectRequest,
  NamespaceAnswer,
  NamespaceGrant,
  NamespaceProvider,
} from './server/auth/provider.js';
export {
  type TokenGrant,
  type TokenMap,
  type TokensNamespaceProvider,
  tokensNamespaceProvider,
} from './server/auth/tokens.js';
export { readTokensFile } from './server/auth/tokens-file.js';
export { createDatafnWsServer } from './server/create-server.js';
export {
  type DevServer,
  type DevServerOptions,
  type Faulty,
  startDevServer,
  type UntilOptions,
} from './server/dev/dev-server.js';
export type { DevServerEvents } from './server/dev/event-log.js';
export type { ConnectionInfo, ServerObserver } from './server/events/events.js';
export type { FaultsView, RuleCounts } from './server/faults/active-rule.js';
export type { FaultName } from './server/faults/kinds.js';
export type { FaultMatch, FaultPlan, FaultRule } from './server/faults/plan.js';
export type { ConnectionStats, ServerStats } from './server/health/statistics.js';
export type { TlsPair } from './server/http/tls.js';
export type { DatafnWsServer, DatafnWsServerOptions, ListenAddress } from './server/server-types.js';
export type { ShutdownOutcome } from './server/shutdown.js';
export {
  type AttachedManager,
  type AttachOptions,
  attachWebSocketManager,
} from './server/ws/attach.js';
