import { printable } from '../../../text/printable.js';

/** A piece of a page. Only {@link html} and {@link trusted} make one. */
export class Markup {
  constructor(private readonly source: string) {}

  toString(): string {
    return this.source;
  }
}

export type Content = string | number | Markup | undefined | readonly Content[];

/** Joins markup and escapes everything else in `${…}`; `undefined` is nothing, and lists are joined. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(
    strings.map((part, index) => `${part}${index < values.length ? shown(values[index]) : ''}`).join(''),
  );
}

/** Our own text that is markup already, such as a style sheet. Never for text from outside. */
export function trusted(source: string): Markup {
  return new Markup(source);
}

function shown(value: Content): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.toString();
  return typeof value === 'object' ? value.map(shown).join('') : escaped(String(value));
}

/** Text of which nothing is markup, and which does not turn the direction of the text around it. */
function escaped(text: string): string {
  return printable(text.toWellFormed().replace(/\s+/g, ' '))
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
