import { appendFile, stat } from 'node:fs/promises';
import { markdownSummary } from '../../bench/report/formats/markdown.js';
import type { JsonReport } from '../../bench/report/schema.js';

/** What the summaries of one step may have together; of more, GitHub shows nothing. */
const MAX_BYTES = 1024 * 1024;

/** Adds a report to the summary of a job of GitHub Actions, as much of it as still fits. */
export async function appendJobSummary(file: string, report: JsonReport): Promise<void> {
  const { size } = await stat(file).catch(() => ({ size: 0 }));
  await appendFile(file, markdownSummary(report, MAX_BYTES - 1 - size));
}
