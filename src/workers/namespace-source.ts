import { loadNamespaceProvider } from '../server/auth/module.js';
import type { NamespaceProvider } from '../server/auth/provider.js';
import { type TokensNamespaceProvider, tokensNamespaceProvider } from '../server/auth/tokens.js';
import type { AuthSource } from './messages.js';

/** The provider of a worker. Its `tokens` are there when they can be replaced. */
export interface WorkerAuth {
  /** Left out for `dev`, which is built in. */
  readonly provider?: NamespaceProvider | undefined;
  readonly tokens?: TokensNamespaceProvider | undefined;
}

/** Makes the provider that the primary described. The primary has checked the same description with its own. */
export async function workerAuth(
  source: AuthSource,
  onStaleKeys: (message: string, context?: Record<string, unknown>) => void,
): Promise<WorkerAuth> {
  switch (source.kind) {
    case 'dev':
      return {};
    case 'tokens': {
      const tokens = tokensNamespaceProvider(new Map(source.tokens));
      return { provider: tokens, tokens };
    }
    case 'jwt': {
      // Loaded on demand: it needs a package.
      const { jwtNamespaceProvider } = await import('../server/auth/jwt.js');
      const { options, secretBase64 } = source;
      const secret = secretBase64 === undefined ? undefined : Buffer.from(secretBase64, 'base64');
      const logger = { info: () => {}, warn: onStaleKeys };
      return { provider: jwtNamespaceProvider({ ...options, secret, logger }) };
    }
    case 'module':
      return { provider: await loadNamespaceProvider(source.file) };
  }
}
