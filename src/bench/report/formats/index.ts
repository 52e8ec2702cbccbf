import { printableJson } from '../../../text/printable.js';
import type { JsonReport } from '../schema.js';

type Render = (report: JsonReport) => string;

/**
 * Every format of a report by its flag, with words for the help and its group there. A renderer is loaded when a run
 * begins. To add a format, add its file, an entry here and golden files.
 */
export const FORMATS = {
  json: { what: 'JSON', load: async (): Promise<Render> => jsonText },
  junit: {
    what: 'JUnit XML',
    group: 'Reports',
    load: async (): Promise<Render> => (await import('./junit.js')).junitReport,
  },
  markdown: {
    what: 'Markdown',
    group: 'Reports',
    load: async (): Promise<Render> => (await import('./markdown.js')).markdownReport,
  },
  html: { what: 'an HTML page', load: async (): Promise<Render> => (await import('./html.js')).htmlReport },
} as const;

export type FormatName = keyof typeof FORMATS;
export type Renderers = Readonly<Record<FormatName, Render>>;

/** Loads every renderer, so that whatever happens later the reports can be made. */
export async function loadRenderers(): Promise<Renderers> {
  const all = Object.entries(FORMATS).map(async ([name, { load }]) => [name, await load()] as const);
  return Object.fromEntries(await Promise.all(all)) as Renderers;
}

function jsonText(report: JsonReport): string {
  return `${printableJson(report, 2)}\n`;
}
