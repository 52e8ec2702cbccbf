/** How a client can show its token: each is a place where the server looks for it. */
export const TOKEN_WAYS = ['query', 'header', 'cookie', 'subprotocol'] as const;
export type TokenWay = (typeof TOKEN_WAYS)[number];

/** A browser cannot set headers on a WebSocket, but it can offer a subprotocol: this and the token as base64url. */
export const TOKEN_SUBPROTOCOL_PREFIX = 'datafn.bearer.';
/** The one subprotocol of DataFn clients that holds no secret. */
export const SYNC_SUBPROTOCOL = 'datafn-sync-v1';
/** What subprotocols with a secret begin with: our own, and the route ticket of a DataFn client. */
export const SECRET_SUBPROTOCOL_PREFIXES = [TOKEN_SUBPROTOCOL_PREFIX, 'datafn-ticket.'] as const;
export const TOKEN_COOKIE = 'datafn_token';
export const TOKEN_QUERY = 'token';
