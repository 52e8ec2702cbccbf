import { PLAIN_UPGRADE } from '../../src/protocol/upgrade.js';
import type { TargetPlan } from '../../src/verify/target/open.js';

/** What verify is to test, as the flags have it by default. */
export function planOf(url: string, more: Partial<TargetPlan> = {}): TargetPlan {
  return {
    ...{ url, serverCommand: undefined, upgrade: PLAIN_UPGRADE, tls: undefined, tenants: [] },
    ...{ credentials: undefined, badToken: undefined, expiredToken: undefined, trigger: undefined },
    ...{ adminUrl: undefined, adminToken: undefined, remote: undefined, resource: 'todos', record: {} },
    ...{ limits: { namespace: undefined, global: undefined }, heartbeat: undefined },
    ...{ stopCommand: undefined, patienceMs: 1000, env: {}, signal: new AbortController().signal },
    ...more,
  };
}
