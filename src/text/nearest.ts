import { closest, distance } from 'fastest-levenshtein';

/** The name among `names` that was probably meant by `given`, or `undefined` when none is near. */
export function nearest(given: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const lower = given.toLowerCase();
  const best = closest(
    lower,
    names.map((name) => name.toLowerCase()),
  );
  const name = names.find((candidate) => candidate.toLowerCase() === best);
  if (name === undefined) return undefined;
  // At most a third of a long name, and never all of a short one, may be wrong.
  const allowed = Math.min(Math.max(2, Math.floor(given.length / 3)), given.length - 1);
  return distance(lower, best) <= allowed ? name : undefined;
}

/** ` Did you mean …?` with a leading blank, or nothing: fit to be appended to an error message. */
export function didYouMean(given: string, names: readonly string[]): string {
  const name = nearest(given, names);
  return name === undefined ? '' : ` Did you mean \`${name}\`?`;
}
