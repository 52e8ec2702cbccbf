export const DEFAULT_CLUSTER_PREFIX = 'datafn-ws';
export const DEFAULT_CLUSTER_TIMEOUT_MS = 1000;

/** Returns why `value` cannot stand before keys, else `undefined`, in words that follow "Expected … to be". */
export function clusterPrefixProblem(value: string): string | undefined {
  // Braces choose the hash slot of a key.
  return /^[^{}\p{Cc}]{1,100}$/u.test(value) ? undefined : 'a text of at most 100 characters without braces';
}
