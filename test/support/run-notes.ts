import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/**
 * Notes what a helper did that the end of the run tells: that it ran a bench again. Tests run in processes of their
 * own, so the note goes through a file that the configuration names.
 */
export function note(line: string): void {
  const file = process.env.DATAFN_TEST_NOTES;
  if (file !== undefined) appendFileSync(file, `${line.replaceAll('\n', ' ')}\n`);
}

/** The notes of a run, in the order in which they were made. */
export function readNotes(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
}
