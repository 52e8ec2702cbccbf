import type { NamespaceProvider } from './provider.js';

/**
 * For development on one machine: the token *is* the namespace. It proves nothing, so a server with it listens on
 * loopback only.
 *
 * @param anonymousNamespace where clients without a token go; without it they are refused.
 */
export function devNamespaceProvider(anonymousNamespace?: string): NamespaceProvider {
  return ({ token }) => token ?? anonymousNamespace;
}
