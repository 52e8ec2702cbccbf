import type { DatafnLogger } from '../../manager/types.js';
import { HttpConnectRequest } from '../auth/http-connect-request.js';
import { askProvider, type NamespaceProvider } from '../auth/provider.js';
import type { AddressOf } from '../limits/client-address.js';
import type { HttpFaultScene } from './http-faults.js';

/** What the DataFn HTTP routes of a server are made of. */
export interface HttpSceneParts extends Pick<HttpFaultScene, 'isAllowedOrigin'> {
  readonly namespaceProvider: NamespaceProvider;
  readonly addressOf: AddressOf;
  readonly authTimeoutMs: number;
  readonly logger: DatafnLogger;
}

/** Asks the provider for the namespace of a request. */
export function httpScene(parts: HttpSceneParts): HttpFaultScene {
  const { namespaceProvider, addressOf, authTimeoutMs: timeoutMs, logger } = parts;
  return {
    isAllowedOrigin: parts.isAllowedOrigin,
    async namespaceOf(request) {
      const asked = new HttpConnectRequest(request, addressOf);
      const decision = await askProvider(namespaceProvider, asked, { timeoutMs, logger });
      return 'why' in decision ? undefined : decision.namespace;
    },
  };
}
