export type { Clock, TimerHandle } from './manager/clock.js';
export { DEFAULT_WS_MANAGER_CONFIG } from './manager/config.js';
export type {
  BroadcastResult,
  ClientInfo,
  DatafnLogger,
  WebSocketClient,
  WsAuthContext,
  WsManagerConfig,
} from './manager/types.js';
export { WebSocketManager } from './manager/web-socket-manager.js';
export { CLOSE, type CloseCode } from './protocol/close-codes.js';
export { DatafnWsError, type ErrorCode } from './protocol/errors.js';
export type { PreparedMessage } from './protocol/frames.js';
