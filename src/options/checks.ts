/** Says what keeps `value` from being an absolute URL of one of `protocols`, or nothing. */
export function urlProblem(value: string, protocols: readonly string[]): string | undefined {
  const expected = `a URL such as ${protocols[0]}//127.0.0.1:3001`;
  if (!URL.canParse(value)) return expected;
  return protocols.includes(new URL(value).protocol) ? undefined : expected;
}

/** Says what keeps `value` from being a bearer token that any HTTP header can carry, or nothing. */
export function tokenProblem(value: string): string | undefined {
  return /^[\x21-\x7e]+$/.test(value) ? undefined : 'a non-empty token of ASCII characters without blanks';
}
