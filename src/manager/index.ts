// `datafn-ws/manager`: the manager without the server around it. It needs nothing of Node.js.

export { CLOSE, type CloseCode } from '../protocol/close-codes.js';
export { DatafnWsError, type ErrorCode } from '../protocol/errors.js';
export type { CursorTargeting, PreparedMessage } from '../protocol/messages.js';
export type { Clock, TimerHandle } from './clock.js';
export { DEFAULT_WS_MANAGER_CONFIG } from './config.js';
export type {
  BroadcastResult,
  BroadcastTargeting,
  ClientInfo,
  CloseOptions,
  DatafnLogger,
  Kick,
  WebSocketClient,
  WsAuthContext,
  WsManagerConfig,
} from './types.js';
export { WebSocketManager } from './web-socket-manager.js';
