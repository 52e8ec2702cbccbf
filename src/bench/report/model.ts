import type { Comparison } from '../compare/comparison.js';
import type { JsonResult } from './schema.js';

// A report before it has a format. Sections are built from a result once; each format renders all of them.

export type Tone = 'good' | 'bad' | 'warn' | 'muted';

/** A part of a text. It may come from outside, so every format escapes it. */
export interface Span {
  readonly text: string;
  readonly tone?: Tone;
  /** An aside is set small, and left out of the tables of a terminal. */
  readonly look?: 'code' | 'strong' | 'aside';
  /** What a screen reader says in place of the text. */
  readonly spoken?: string;
}

export type Text = string | readonly (string | Span)[];

export interface Paragraph {
  readonly kind: 'paragraph';
  readonly text: Text;
  readonly tone?: Tone | undefined;
}

export interface List {
  readonly kind: 'list';
  readonly items: readonly Text[];
  readonly isNumbered?: boolean;
}

export interface Column {
  readonly name: string;
  /** The name where there is little room. */
  readonly short?: string;
  readonly isNumber?: boolean;
}

export interface Table {
  readonly kind: 'table';
  readonly caption: string;
  readonly columns: readonly Column[];
  /** Rows in which the first cell is the same belong together. */
  readonly rows: readonly (readonly Text[])[];
}

/** Something that is judged: a sign, what it is, its value, and why. */
export interface Mark {
  readonly sign: Span;
  readonly subject: string;
  /** Behind the subject: the phase of a rule. */
  readonly scope?: string | undefined;
  readonly value: Span;
  readonly why?: string | undefined;
}

export interface Marks {
  readonly kind: 'marks';
  readonly caption: string;
  readonly heads: readonly [subject: string, value: string, why: string];
  readonly items: readonly Mark[];
}

/** Rules about one subject that failed. */
export interface FindingCard {
  readonly subject: Text;
  readonly findings: readonly {
    readonly mark: Mark;
    readonly name?: string | undefined;
    readonly expected: string;
    readonly off?: string | undefined;
    readonly where: string;
  }[];
  readonly evidence: readonly string[];
}

/** What failed, in groups that usually have the same causes. */
export interface Findings {
  readonly kind: 'findings';
  readonly groups: readonly {
    readonly cards: readonly FindingCard[];
    readonly meanings: readonly string[];
  }[];
}

/** A drawing, for formats that can draw; its numbers are in a table as well. */
export interface Chart {
  readonly id: string;
  readonly title: string;
  /** The drawing in words. */
  readonly said: string;
  readonly unit: 'count' | 'ms' | 'bytes';
  readonly lines: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
  /** Of a chart over time, in seconds. */
  readonly seconds?: readonly number[];
  /** Of a chart by load, ascending, with loads to mark. */
  readonly loads?: {
    readonly name: string;
    readonly values: readonly number[];
    readonly marks: readonly { readonly label: string; readonly at: number }[];
  };
  /** Of a chart over runs: what each is called, and the indexes of those to mark. */
  readonly runs?: { readonly names: readonly string[]; readonly marked: readonly number[] };
  /** Of a chart by share: the histogram, and limits to draw beside it. */
  readonly shares?: {
    readonly histogram: Pick<JsonResult['total']['histograms'][string], 'count' | 'min' | 'max' | 'buckets'>;
    readonly limits: readonly { readonly label: string; readonly ms: number }[];
  };
}

export interface Charts {
  readonly kind: 'charts';
  readonly charts: readonly Chart[];
  /** When each phase began, in seconds. */
  readonly phases: readonly number[];
}

/** Details that a page folds away, and that a terminal leaves out. */
export interface Fold {
  readonly kind: 'fold';
  readonly summary: string;
  readonly isOpen?: boolean;
  readonly block: Block;
}

export type Block = Paragraph | List | Table | Marks | Findings | Charts | Fold;

export interface Section {
  readonly title: string;
  /** `main`: the outcome. `detail`: numbers behind it. `page`: only for formats with charts. */
  readonly place: 'main' | 'detail' | 'page';
  readonly blocks: readonly Block[];
}

/** One scenario, or one comparison. */
export interface ReportDocument {
  readonly verdict: VerdictName;
  readonly name: string;
  /** The outcome in a sentence, to be read behind verdict and name. */
  readonly sentence: string;
  readonly intro: readonly Block[];
  /** What a reader has to know before any number: problems, changes of the scenario. */
  readonly alerts: readonly Paragraph[];
  /** As a page shows them, the most important first. */
  readonly sections: readonly Section[];
  /** The command that repeats the run. */
  readonly replay?: string;
}

export type VerdictName = JsonResult['verdict'] | Comparison['verdict'];

export const code = (text: string): Span => ({ text, look: 'code' });
export const aside = (text: string): Span => ({ text, look: 'aside' });

export const paragraph = (text: Text, tone?: Tone): Paragraph => ({ kind: 'paragraph', text, tone });

/** A section, or none where it would be empty. */
export function section(title: string, place: Section['place'], blocks: readonly Block[]): Section[] {
  return blocks.length === 0 ? [] : [{ title, place, blocks }];
}

/** A table, or nothing where it has no rows. */
export function table(caption: string, columns: readonly (Column | string)[], rows: Table['rows']): Table[] {
  if (rows.length === 0) return [];
  const named = columns.map((column) => (typeof column === 'string' ? { name: column } : column));
  return [{ kind: 'table', caption, columns: named, rows }];
}

export const numbers = (...names: readonly string[]): Column[] =>
  names.map((name) => ({ name, isNumber: true }));

/** A text without its looks. */
export function plain(text: Text, isWithAsides = true): string {
  if (typeof text === 'string') return text;
  return text
    .map((part) =>
      typeof part === 'string' ? part : part.look === 'aside' && !isWithAsides ? '' : part.text,
    )
    .join('');
}

/** A text with a capital at its beginning, or without one. */
export const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
export const uncapitalized = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
