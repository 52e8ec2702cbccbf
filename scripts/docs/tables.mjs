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
  const { CLOSE, closeMeaning } = await load('protocol/close-codes.js');
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
        help,
        negatedHelp,
        default: value,
        defaultText,
        zeroMeans,
        fromEnv,
      } = option;
      const flag = `\`${short === undefined ? '' : `-${short}, `}--${flagOf(key)}${placeholder === '' ? '' : ` ${placeholder}`}\``;
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
  parts['exit-codes'] = table(
    ['exit code', 'meaning'],
    [
      ...Object.values(EXIT).map(({ code, meaning }) => [code, meaning]),
      [
        Object.values(STOP_EXIT_CODES).join(', '),
        `\`bench\`, \`verify\`, \`emit\`, \`listen\`, \`who\`: stopped by ${Object.keys(STOP_EXIT_CODES).join(', ')}. \`bench\` and \`verify\` still write every report.`,
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
