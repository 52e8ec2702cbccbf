import { randomUUID } from 'node:crypto';
import type { TlsTrust } from '../../emit/api-client.js';
import { call, type HttpAnswer } from './http-call.js';
import type { Tenant } from './tenants.js';

/** A mutation as a DataFn client pushes it. */
export interface Mutation {
  readonly clientId: string;
  readonly mutationId: string;
  readonly resource: string;
  readonly version: number;
  readonly operation: 'insert';
  readonly id: string;
  readonly record: Readonly<Record<string, unknown>>;
}

export interface BackendOptions {
  /** The DataFn remote, such as `http://127.0.0.1:3001/datafn`. */
  readonly remote: string;
  /** The table that rows are inserted into. */
  readonly resource: string;
  /** What is in such a row beside its id. */
  readonly record: Readonly<Record<string, unknown>>;
  readonly tls: TlsTrust | undefined;
}

/** The DataFn HTTP routes of a server. */
export class Backend {
  constructor(readonly options: BackendOptions) {}

  get resource(): string {
    return this.options.resource;
  }

  /** A new mutation, of a new client. */
  mutation(): Mutation {
    const { resource, record } = this.options;
    const clientId = `verify-${randomUUID()}`;
    const mutationId = `mut-${randomUUID()}`;
    const common = { version: 1, operation: 'insert' as const, record };
    return { clientId, mutationId, resource, ...common, id: `${resource}:${randomUUID()}` };
  }

  /** Calls a route with the token of a tenant; without one when there is none. */
  async post(route: string, tenant: Pick<Tenant, 'token'> | undefined, body: unknown): Promise<HttpAnswer> {
    const headers: Record<string, string> =
      tenant === undefined ? {} : { authorization: `Bearer ${tenant.token}` };
    return call({ method: 'POST', url: this.url(route), headers, body, tls: this.options.tls });
  }

  url(route: string): string {
    return `${this.options.remote.replace(/\/+$/, '')}/${route}`;
  }

  push(tenant: Tenant, mutation: Mutation): Promise<HttpAnswer> {
    return this.post('push', tenant, { clientId: mutation.clientId, mutations: [mutation] });
  }
}

/** The `result` of an answer in DataFn's envelope; `undefined` where there is none. */
export function resultOf({ json }: HttpAnswer): Readonly<Record<string, unknown>> | undefined {
  const { result } = (json ?? {}) as { result?: unknown };
  return typeof result === 'object' && result !== null ? (result as Record<string, unknown>) : undefined;
}
