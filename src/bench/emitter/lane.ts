import { ApiClient, type Emission, type TlsTrust } from '../../emit/api-client.js';
import { type EmitTemplate, TemplateClient } from './template-client.js';

/** Where emits go. */
export type EmitTarget =
  /** Servers with our HTTP API. Each emit goes to every one of them: they share nothing. */
  | {
      readonly kind: 'api';
      readonly urls: readonly string[];
      readonly adminToken: string | undefined;
      readonly tls: TlsTrust | undefined;
      /** See {@link EXCHANGE_TIMEOUT_MS}, the default. */
      readonly timeoutMs?: number;
    }
  /** A server that takes emits in a form of its own. */
  | { readonly kind: 'template'; readonly template: EmitTemplate; readonly timeoutMs?: number };

/** One way for emits that keeps their order: a kept-alive connection to each server. */
export interface Lane {
  /** Clients that were handed the cursors, added up; 0 where the server does not say. */
  emit(emissions: readonly Emission[]): Promise<number>;
  close(): void;
}

export function openLane(target: EmitTarget): Lane {
  if (target.kind === 'template') return new TemplateClient(target.template, target.timeoutMs);
  const { adminToken, tls, timeoutMs } = target;
  const clients = target.urls.map((url) => new ApiClient({ url, adminToken, tls, timeoutMs }));
  return {
    async emit(emissions) {
      const answers = await Promise.all(clients.map((client) => client.emit(emissions)));
      return answers.flat().reduce((total, { delivered }) => total + delivered, 0);
    },
    close() {
      for (const client of clients) client.close();
    },
  };
}
