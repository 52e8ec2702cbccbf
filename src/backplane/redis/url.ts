/** Returns why `value` is not the URL of a Redis, else `undefined`, in words that follow "Expected … to be" and hold no secret. */
export function redisUrlProblem(value: unknown): string | undefined {
  const kind = 'a Redis URL such as redis://127.0.0.1:6379 (rediss:// for TLS)';
  if (typeof value !== 'string' || !URL.canParse(value) || /[\s\p{Cc}]/u.test(value)) return kind;
  const { protocol, hostname, pathname, search, hash, port } = new URL(value);
  if ((protocol !== 'redis:' && protocol !== 'rediss:') || hostname === '') return kind;
  if (port === '0') return 'a URL with a port from 1 to 65535';
  if (!/^\/?\d*$/.test(pathname)) return `${kind}, and after it /N for the database N`;
  return search === '' && hash === '' ? undefined : `${kind}, without a query and a fragment`;
}

/** Whether the URL of a Redis asks for TLS. */
export function isTlsRedisUrl(url: string | undefined): boolean {
  return /^rediss:/i.test(url ?? '');
}
