import { DatafnWsError, invalidOption, messageOf } from '../../protocol/errors.js';
import { formatAmount } from '../../text/units.js';
import { REPORT_VERSION } from '../compare/older-versions.js';
import { type JsonResult, reportSchema } from '../report/schema.js';

/** The result of one shard. */
export type ShardReport = JsonResult & { readonly shard: NonNullable<JsonResult['shard']> };

/** A file, and what is in it. */
export interface ShardFile {
  readonly file: string;
  readonly json: string;
}

/**
 * Reads the reports of all shards of one run.
 *
 * @returns them in the order of their numbers.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` with everything that keeps them from being one run.
 */
export function readShards(files: readonly ShardFile[]): ShardReport[] {
  const read = files.map((one) => {
    try {
      return { file: one.file, report: readShard(one) };
    } catch (error) {
      if (!(error instanceof DatafnWsError)) throw error;
      return { file: one.file, problem: error.message };
    }
  });
  const problems = read.flatMap(({ problem }) => problem ?? []);
  if (problems.length > 0) throw invalidOption(problems.join('\n'));
  const shards = read.flatMap(({ file, report }) => (report === undefined ? [] : [{ file, report }]));
  checkOneRun(shards);
  return shards.map(({ report }) => report).sort((a, b) => a.shard.index - b.shard.index);
}

function readShard({ file, json }: ShardFile): ShardReport {
  const fail = (got: string) =>
    invalidOption(`Expected ${file} to be the JSON report of a shard, got ${got}`);
  let content: unknown;
  try {
    content = JSON.parse(json);
  } catch (error) {
    throw fail(json.trim() === '' ? 'an empty file.' : `invalid JSON: ${messageOf(error).split('\n', 1)[0]}`);
  }
  const version = (content as { version?: unknown } | null)?.version;
  if (version !== REPORT_VERSION) {
    throw fail(
      typeof version === 'number'
        ? `one of version ${version} of the format, but this tool merges version ${REPORT_VERSION}: use one version of datafn-ws for all.`
        : 'other JSON; make a report with: npx datafn-ws bench --shard 1/2 --start-at TIME --json FILE.',
    );
  }
  const report = reportSchema.safeParse(content);
  if (!report.success) {
    const [issue] = report.error.issues;
    throw fail(
      `an invalid one at ${issue?.path.join('.')}: ${issue?.message}. Use one version of datafn-ws for all.`,
    );
  }
  const [result] = report.data.results;
  if (result === undefined) throw fail(`one without a result: ${notRunText(report.data.notRun)}`);
  const { shard, total, phases } = result;
  if (result.merged !== undefined) throw fail('one that is merged already.');
  if (shard === undefined) throw fail('one of a whole run: it was made without --shard.');
  if (total.part === undefined || phases.some(({ measurements }) => measurements.part === undefined))
    throw fail('one without the parts that a merge needs: use one version of datafn-ws for all.');
  return { ...result, shard };
}

function notRunText(notRun: readonly { readonly reason: string }[]): string {
  return notRun[0]?.reason ?? 'no scenario was run.';
}

function checkOneRun(shards: readonly { readonly file: string; readonly report: ShardReport }[]): void {
  const [first] = shards;
  if (first === undefined) throw invalidOption('Expected the JSON reports of all shards, got none.');
  const { run, of } = first.report.shard;
  const problems: string[] = [];
  const byIndex = new Map<number, string>();
  for (const { file, report } of shards) {
    const { shard, scenario, tool } = report;
    if (shard.run !== run) {
      problems.push(`${file} is of another run than ${first.file} (${differenceOf(report, first.report)}).`);
      continue;
    }
    if (tool.version !== first.report.tool.version)
      problems.push(
        `${file} is of datafn-ws ${tool.version}, ${first.file} of ${first.report.tool.version}.`,
      );
    if (scenario.sha256 !== first.report.scenario.sha256)
      problems.push(`${file} is of another scenario than ${first.file}.`);
    const other = byIndex.get(shard.index);
    if (other !== undefined) problems.push(`${other} and ${file} are both of shard ${shard.index}.`);
    byIndex.set(shard.index, file);
  }
  const missing = Array.from({ length: of }, (_, index) => index + 1).filter((index) => !byIndex.has(index));
  if (problems.length === 0 && missing.length > 0)
    problems.push(`Expected the reports of ${of} shards; missing: ${missing.join(', ')}.`);
  if (problems.length > 0) throw invalidOption(problems.join('\n'));
}

/** What the two do not agree on. */
function differenceOf(one: ShardReport, other: ShardReport): string {
  const [a, b] = [one.shard, other.shard];
  const differences = [
    ...(a.of === b.of ? [] : [`${formatAmount(a.of, 'shard')}, not ${b.of}`]),
    ...(a.startAt === b.startAt ? [] : [`--start-at ${a.startAt}, not ${b.startAt}`]),
    ...(a.slackMs === b.slackMs ? [] : [`--slack ${a.slackMs}ms, not ${b.slackMs}ms`]),
    ...(one.scenario.seed === other.scenario.seed
      ? []
      : [`--seed ${one.scenario.seed}, not ${other.scenario.seed}`]),
    ...(one.scenario.sha256 === other.scenario.sha256 ? [] : ['another scenario, or another --set']),
  ];
  return differences.join('; ') || 'its id is another';
}
