/** Says what keeps `value` from being a bearer token that any HTTP header can carry, or nothing. */
export function tokenProblem(value: string): string | undefined {
  return /^[\x21-\x7e]+$/.test(value) ? undefined : 'a non-empty token of ASCII characters without blanks';
}
