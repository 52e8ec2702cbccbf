// Words and numbers for people. Nothing here knows the page.

/** What must not reach a person as it is: see src/text/printable.ts, which has the same list. */
const UNSAFE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu;

/** Characters of a text from outside that are shown. */
const MAX_SHOWN = 300;

/** Text from outside, cut, in which nothing is obeyed, invisible, or turns the direction of the text around it. */
export function shown(value, max = MAX_SHOWN) {
  const text = String(value ?? '');
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  return cut
    .toWellFormed()
    .replace(UNSAFE, (character) =>
      Array.from(
        { length: character.length },
        (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
      ).join(''),
    );
}

export function count(value) {
  return Math.round(value).toLocaleString('en-US');
}

export function amount(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

export function bytes(value) {
  if (value < 1024) return `${value} B`;
  const kib = value / 1024;
  return kib < 1024 ? `${+kib.toFixed(1)} KiB` : `${+(kib / 1024).toFixed(1)} MiB`;
}

export function milliseconds(value) {
  if (value >= 1000) return `${+(value / 1000).toFixed(2)} s`;
  return `${+value.toFixed(value < 10 ? 1 : 0)} ms`;
}

/** How long something has been, coarsely. */
export function age(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export function clockTime(atMs) {
  return CLOCK.format(atMs);
}

/** A cursor as clients compare it, or undefined. */
export function cursorNumber(cursor) {
  const number = Number.parseInt(cursor, 10);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** By how many cursors a client is behind; undefined if unknown. */
export function behindBy({ heard, newest }) {
  const [has, known] = [cursorNumber(heard), cursorNumber(newest)];
  if (known === undefined || heard === undefined) return undefined;
  return has === undefined ? undefined : Math.max(0, known - has);
}
