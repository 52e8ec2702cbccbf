import { namespaceProblem } from '../../protocol/identifiers.js';
import { type NamespaceProvider, refuse } from './provider.js';

const devProviders = new WeakSet<NamespaceProvider>();

/**
 * For development on one machine: the token *is* the namespace. It proves nothing, so a server with it listens on
 * loopback only.
 *
 * @param anonymousNamespace where clients without a token go; without it they are refused.
 */
export function devNamespaceProvider(anonymousNamespace?: string): NamespaceProvider {
  const provider: NamespaceProvider = (request) => {
    const { token = anonymousNamespace } = request;
    if (token === undefined) return undefined;
    const wrong = namespaceProblem(token);
    return wrong === undefined
      ? token
      : refuse(request, `the token is not a namespace: expected it to be ${wrong}`);
  };
  devProviders.add(provider);
  return provider;
}

/** Whether a provider takes everybody's word, and so must not be open to the network. */
export function isDevProvider(provider: NamespaceProvider): boolean {
  return devProviders.has(provider);
}
