import type { ApiClientOptions, TlsTrust } from '../../emit/api-client.js';
import type { UpgradeSettings } from '../../protocol/upgrade.js';
import type { Backend } from './backend.js';
import type { Tenants } from './tenants.js';
import type { TriggerKind } from './triggers.js';

/** How often a server pings, and how long it waits for the pong. */
export interface HeartbeatSettings {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** How many clients a server takes; `undefined` where that is not known. */
export interface LimitSettings {
  readonly namespace: number | undefined;
  readonly global: number | undefined;
}

/** The server under test, and what is known of it. */
export interface TargetAccess {
  readonly url: string;
  readonly upgrade: UpgradeSettings;
  readonly tls: TlsTrust | undefined;
  readonly tenants: Tenants;
  /** How cursors are caused; `undefined` where there is no way to. */
  readonly trigger: TriggerKind | undefined;
  /** Why there is no way to cause cursors. */
  readonly whyNoTrigger: string | undefined;
  /** The HTTP API; `undefined` where there is none. */
  readonly api: ApiClientOptions | undefined;
  /** The DataFn HTTP routes; `undefined` where there are none. */
  readonly backend: Backend | undefined;
  readonly limits: LimitSettings;
  /** `undefined` where it is not known. */
  readonly heartbeat: HeartbeatSettings | undefined;
  /** Shuts the server down; `undefined` where there is no way to. */
  readonly stop: (() => Promise<void>) | undefined;
  /** Milliseconds that anything may take which the server has to do. */
  readonly patienceMs: number;
}
