import { printable } from '../../text/printable.js';
import { cursorText, type EmissionPlan } from './emission-plan.js';
import type { Sighting } from './evidence.js';

/** Characters of a cursor that are kept as evidence. */
const MAX_CURSOR_LENGTH = 64;

/** A cursor of a plan as evidence has it: the zeros in front of a long one are left out. */
export function shownCursor(plan: EmissionPlan, index: number): string {
  const text = cursorText(plan, index);
  return text.length > MAX_CURSOR_LENGTH ? String(plan.firstCursor + index) : text;
}

/** A cursor that bench did not emit, as it came; nothing for one that is too long. */
export function foreignCursor(
  cursor: number,
  length: number,
  text: string | undefined,
): Pick<Sighting, 'cursor'> {
  if (length > MAX_CURSOR_LENGTH) return {};
  if (text !== undefined) return { cursor: shownText(text, MAX_CURSOR_LENGTH) };
  return Number.isSafeInteger(cursor) ? { cursor: String(cursor).padStart(length, '0') } : {};
}

/** Text from outside, made safe for every report. */
export function shownText(text: string, maxLength: number): string {
  return printable(text.slice(0, maxLength).toWellFormed()) + (text.length > maxLength ? '…' : '');
}
