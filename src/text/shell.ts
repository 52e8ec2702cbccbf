import { printable } from './printable.js';

/** A text as one word of a POSIX shell, fit to be shown: what cannot be is written as the escapes of `$'…'`. */
export function shellWord(text: string): string {
  if (/^[\w:./=@%+,-]+$/.test(text)) return text;
  if (printable(text) !== text) return `$'${printable(text.replace(/[\\']/g, '\\$&'))}'`;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
