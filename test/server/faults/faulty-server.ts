import type { FaultsView } from '../../../src/server/faults/active-rule.js';
import type { FaultPlan, FaultRule } from '../../../src/server/faults/plan.js';
import type { DatafnWsServerOptions } from '../../../src/server/server-types.js';
import { call } from '../../support/http-call.js';
import { type LiveServer, startServer } from '../../support/live-server.js';

/** A server whose faults a test sets over HTTP. */
export interface FaultyServer extends LiveServer {
  /** Sets the rules, and insists that the server takes them. */
  faults(...rules: readonly FaultRule[]): Promise<FaultsView>;
  plan(plan: FaultPlan): Promise<FaultsView>;
  clear(): Promise<FaultsView>;
  view(): Promise<FaultsView>;
  emit(namespace: string, ...cursors: readonly (string | number)[]): void;
}

/** Calls `/v1/faults`. */
export async function callFaults(
  apiUrl: string,
  method: string,
  body?: unknown,
): Promise<{ status: number; body: FaultsView & Record<string, unknown> }> {
  const headers = { 'content-type': 'application/json' };
  const given = body === undefined ? {} : { headers, body: JSON.stringify(body) };
  const { status, json } = await call(method, `${apiUrl}/v1/faults`, given);
  return { status, body: json };
}

export async function startFaultyServer(options: DatafnWsServerOptions = {}): Promise<FaultyServer> {
  const live = await startServer(options);
  const insist = async (method: string, body?: unknown) => {
    const answer = await callFaults(live.apiUrl, method, body);
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    return answer.body;
  };
  return {
    ...live,
    faults: (...rules) => insist('PUT', { rules }),
    plan: (plan) => insist('PUT', plan),
    clear: () => insist('DELETE'),
    view: () => insist('GET'),
    emit(namespace, ...cursors) {
      for (const cursor of cursors) live.server.websocketHandler.broadcastCursor(String(cursor), namespace);
    },
  };
}

/** The cursors in these messages. */
export function cursorsOf(texts: readonly string[]): string[] {
  return texts.map((text) => (JSON.parse(text) as { cursor: string }).cursor);
}
