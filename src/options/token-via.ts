import { TOKEN_COOKIE, TOKEN_QUERY, TOKEN_SUBPROTOCOL_PREFIX, TOKEN_WAYS } from '../protocol/token-ways.js';
import { choice } from './kinds.js';

/** `--token-via`, for `listen` and `bench`. */
export const tokenViaOption = (what: string) =>
  choice(TOKEN_WAYS, {
    placeholder: 'WAY',
    help: `${what}: ?${TOKEN_QUERY}=, Authorization: Bearer, the cookie ${TOKEN_COOKIE} or the subprotocol ${TOKEN_SUBPROTOCOL_PREFIX}….`,
    default: 'query',
  });
