import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Tests that are examples as well. */
const EXAMPLES = {
  'dev-server-vitest': 'test/e2e/dev-server-vitest.test.ts',
  'dev-server-playwright': 'test/browser/dev-server-playwright.full.test.ts',
};

/** A Markdown table. */
function table(heads, rows) {
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The option or limit behind a close code. */
const CLOSE_OPTIONS = {
  heartbeatTimeout: '`--heartbeat-timeout`',
  slowClient: '`--slow-client-timeout`',
  messageRate: '`--max-message-rate`',
  helloTimeout: '`--hello-timeout`',
  unauthorized: '`--auth`',
  tokenExpired: '`--auth`',
  connectionLimit: '`--max-connections`',
  namespaceConnectionLimit: '`--max-connections-per-namespace`',
};

/**
 * The parts of the docs that come from tables in the code, by the name in their marker.
 *
 * @param load imports a module of the project by its path, such as `options/serve-flags.js`.
 */
export async function tables(load) {
  const { COMMANDS } = await load('cli/commands.js');
  const { EXIT } = await load('cli/exit-codes.js');
  const { STOP_EXIT_CODES } = await load('cli/io.js');
  const { CLOSE } = await load('protocol/close-codes.js');
  const { closeMeaning } = await load('protocol/close-meanings.js');
  const { METRICS } = await load('bench/verdict/metrics.js');
  const { envOf, flagOf } = await load('options/spec.js');
  const parts = {};
  const commands = COMMANDS.flatMap((one) => [
    one,
    ...(one.commands ?? []).map((inner) => ({ ...inner, name: `${one.name} ${inner.name}` })),
  ]);
  for (const { name, options } of commands) {
    const rows = Object.entries(await options()).map(([key, option]) => {
      const {
        short,
        placeholder,
        alone,
        help,
        negatedHelp,
        default: value,
        defaultText,
        zeroMeans,
        fromEnv,
      } = option;
      const argument = alone === undefined ? placeholder : `[${placeholder}]`;
      const flag = `\`${short === undefined ? '' : `-${short}, `}--${flagOf(key)}${argument === '' ? '' : ` ${argument}`}\``;
      const negated = negatedHelp === undefined ? '' : `, \`--no-${flagOf(key)}\``;
      const isNone = value === undefined || value === false || (Array.isArray(value) && value.length === 0);
      const shown =
        value === 0 && zeroMeans !== undefined ? `\`0\` (${zeroMeans})` : `\`${defaultText ?? value}\``;
      return [
        flag + negated,
        negatedHelp === undefined ? help : `${help} With \`no\`: ${negatedHelp}`,
        isNone ? '' : shown,
        fromEnv ? `\`${envOf(key)}\`` : 'no',
      ];
    });
    parts[`options ${name}`] = table(['option', 'what it does', 'default', 'environment'], rows);
  }
  const { FAULT_PRESETS } = await load('options/fault-presets.js');
  parts['fault-presets'] = table(
    ['preset', 'what it is like'],
    Object.entries(FAULT_PRESETS).map(([name, help]) => [`\`${name}\``, help]),
  );
  const { faultCatalog } = await load('server/faults/catalog.js');
  parts.faults = table(
    ['stage', 'fault', 'what it does', 'settings', 'a chance is a'],
    faultCatalog().map(({ fault, stage, help, per, settings }) => [
      stage,
      `\`${fault}\``,
      help,
      settings
        .map(({ name, default: value, isRequired }) => {
          const shown = value === undefined ? '' : ` = ${JSON.stringify(value)}`;
          return `\`${name}${shown}\`${isRequired ? ' (required)' : ''}`;
        })
        .join(', '),
      per,
    ]),
  );
  for (const [name, file] of Object.entries(EXAMPLES)) {
    const text = readFileSync(join(import.meta.dirname, '../..', file), 'utf8');
    parts[`example ${name}`] = `\`\`\`ts\n${text}\`\`\``;
  }
  parts['exit-codes'] = table(
    ['exit code', 'meaning'],
    [
      ...Object.values(EXIT).map(({ code, meaning }) => [code, meaning]),
      [
        Object.values(STOP_EXIT_CODES).join(', '),
        `\`bench\`, \`verify\`, \`emit\`, \`listen\`, \`who\`, \`kick\`: stopped by ${Object.keys(STOP_EXIT_CODES).join(', ')}. \`bench\` and \`verify\` still write every report.`,
      ],
    ],
  );
  parts['close-codes'] = table(
    ['code', 'reason', 'meaning', 'reconnect', 'option'],
    [
      ...Object.entries(CLOSE).map(([key, { code, reason, reconnect }]) => [
        code,
        `\`${reason}\``,
        closeMeaning(code, reason),
        reconnect ? 'yes' : 'no',
        CLOSE_OPTIONS[key] ?? '',
      ]),
      [1009, '', closeMeaning(1009, ''), 'yes', '`--max-message-size`'],
    ].sort(([a], [b]) => a - b),
  );
  parts.metrics = table(
    ['metric', 'unit', 'per cohort', 'keys', 'meaning'],
    families(METRICS).map(([name, { kind, perCohort, keys, summary }]) => [
      `\`${name}\``,
      kind,
      perCohort ? 'yes' : 'no',
      keys ?? '',
      summary,
    ]),
  );
  const { SERVER_METRICS, PROCESS_METRICS } = await load('server/metrics/metrics.js');
  const { TIMINGS } = await load('server/metrics/timings.js');
  const histograms = Object.entries(TIMINGS).map(([name, { help, labels }]) => [
    name,
    { type: 'histogram', help, labels },
  ]);
  parts.prometheus = table(
    ['metric', 'type', 'labels', 'meaning'],
    [
      ...[...Object.entries(SERVER_METRICS), ...histograms].map(([name, spec]) => [
        `datafn_ws_${name}`,
        spec,
      ]),
      ...Object.entries(PROCESS_METRICS),
    ].map(([name, { type, help, labels = [] }]) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(', '),
      help,
    ]),
  );
  const { BENCH_PREFIX, RUN_METRICS } = await load('bench/live/metrics.js');
  parts['bench-prometheus'] = table(
    ['metric', 'type', 'labels', 'meaning'],
    Object.entries(RUN_METRICS).map(([name, { type, help, labels }]) => [
      `\`${BENCH_PREFIX}${name}\``,
      type,
      labels
        .filter((label) => label !== 'le')
        .map((label) => `\`${label}\``)
        .join(', '),
      help,
    ]),
  );
  const { CLAUSES } = await load('verify/clauses/index.js');
  parts.clauses = table(
    ['clause', 'level', 'what the server does', 'source'],
    CLAUSES.map(({ id, level, sentence, source }) => [id, level, sentence, source]),
  );
  return parts;
}

const STATISTICS = ['min', 'mean', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max'];

/** The metrics, with one row `NAME.*` for a name that has every statistic. */
function families(metrics) {
  return Object.entries(metrics).flatMap(([name, metric]) => {
    const statistic = STATISTICS.find((one) => name.endsWith(`.${one}`));
    const family = name.slice(0, -(statistic?.length ?? 0));
    if (statistic === undefined || !STATISTICS.every((one) => `${family}${one}` in metrics))
      return [[name, metric]];
    if (statistic !== STATISTICS[0]) return [];
    const summary = metric.summary.replace(`: ${statistic}.`, '.');
    return [[`${family}*`, { ...metric, summary }]];
  });
}
