/** What a URL is for: which schemes it may have, and what must not be in it. */
interface UrlUse {
  readonly example: string;
  /** Where a user and a password go instead. */
  readonly credentials: string;
  readonly takesQuery: boolean;
  /** What to say of a URL of the other kind, `ws:` for `http:` or the other way round. */
  readonly insteadOfOther: string;
}

const API: UrlUse = {
  example: 'http://127.0.0.1:3001',
  credentials: 'pass a token with --admin-token',
  takesQuery: false,
  insteadOfOther: 'the HTTP API of the server; ws: URLs are for clients',
};
const EMIT: UrlUse = {
  example: 'http://127.0.0.1:3001/emit/{namespace}',
  credentials: 'pass them with --emit-header',
  takesQuery: true,
  insteadOfOther: 'an HTTP API; ws: URLs are for clients',
};
const KEYS: UrlUse = {
  example: 'http://127.0.0.1:8080/.well-known/jwks.json',
  credentials: 'these keys are public',
  takesQuery: true,
  insteadOfOther: 'keys are fetched over HTTP',
};
const WEB_SOCKET: UrlUse = {
  example: 'ws://127.0.0.1:3001/datafn/ws',
  credentials: 'each client sends a token, see --token-template',
  takesQuery: true,
  insteadOfOther: 'the WebSocket URL that clients connect to; pass the HTTP API with --admin-url',
};
const LISTEN: UrlUse = {
  ...WEB_SOCKET,
  credentials: 'pass a token with --token',
  insteadOfOther: 'or the http: URL of the server',
};
const BACKEND: UrlUse = {
  example: 'http://127.0.0.1:4000',
  credentials: 'each client sends its own',
  takesQuery: false,
  insteadOfOther: 'the HTTP API of the backend; WebSocket clients connect to this server',
};
const REMOTE: UrlUse = { ...API, credentials: 'pass a token with --token' };

/** Returns why `value` is not the URL of an issuer's keys, else `undefined`. */
export function keysUrlProblem(value: string): string | undefined {
  return urlProblem(value, KEYS);
}

/** Returns why `value` is not the base URL of an HTTP API, else `undefined`. */
export function apiUrlProblem(value: string): string | undefined {
  return urlProblem(value, API);
}

/** Returns why `value` is not the URL of a DataFn backend, else `undefined`. */
export function backendUrlProblem(value: string): string | undefined {
  return urlProblem(value, BACKEND);
}

/** Returns why `value` is not the URL of an emit on the user's own API, else `undefined`. */
export function emitUrlProblem(value: string): string | undefined {
  return urlProblem(value, EMIT);
}

/** Returns why `value` is not the URL that clients connect to, else `undefined`. */
export function webSocketUrlProblem(value: string): string | undefined {
  const problem = urlProblem(value, WEB_SOCKET);
  if (problem !== undefined || !new URL(value).searchParams.has('token')) return problem;
  return 'a URL without a token: each client sends its own, see --token-template';
}

/**
 * Returns why `value` is not a URL to listen at, else `undefined`: a WebSocket URL, with a token in it or not, or an
 * `http:` URL that `webSocketUrlOf` takes.
 */
export function listenUrlProblem(value: string): string | undefined {
  return urlProblem(value, /^https?:/i.test(value) ? REMOTE : LISTEN);
}

function urlProblem(value: string, use: UrlUse): string | undefined {
  const { example, credentials, takesQuery } = use;
  const kind = `a URL such as ${example}`;
  // The parser of URLs would pass over blanks and line breaks.
  if (!URL.canParse(value) || /[\s\p{Cc}]/u.test(value)) return kind;
  const { protocol, username, password, port } = new URL(value);
  const { protocol: scheme } = new URL(example);
  if (protocol !== scheme && protocol !== scheme.replace(':', 's:')) return otherKind(value, use) ?? kind;
  if (`${username}${password}` !== '') return `a URL without user and password: ${credentials}`;
  if (port === '0') return 'a URL with a port from 1 to 65535';
  if (!takesQuery && value.includes('?')) return `a URL without a query, such as ${example}`;
  return value.includes('#') ? `a URL without a fragment, such as ${example}` : undefined;
}

/** What is meant, where a URL has `ws:` for `http:` or the other way round: the same host, the other way. */
function otherKind(value: string, { example, insteadOfOther }: UrlUse): string | undefined {
  const { protocol, host } = new URL(value);
  if (!/^(http|ws)s?:$/.test(protocol)) return undefined;
  const { protocol: scheme, host: exampleHost } = new URL(example);
  const secure = /^(https|wss):$/.test(protocol) ? scheme.replace(':', 's:') : scheme;
  const meant = example.replace(`${scheme}//${exampleHost}`, `${secure}//${host}`);
  return `a URL such as ${meant} (${insteadOfOther})`;
}

/** A URL without what may be secret in it: user and password, the values of its query, its fragment. */
export function maskedUrl(value: string): string {
  return value
    .replace(/^(\w+:\/\/)?.*@/s, '$1…@')
    .replace(/#.+/s, '#…')
    .replace(/([?&](?:[^=&#]*=)?)[^&#]+/g, '$1…');
}
