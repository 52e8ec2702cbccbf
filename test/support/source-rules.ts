/** One file of the sources: its path from the root of the project, with `/`, and what is in it. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const CLOCK_FILE = 'src/manager/clock.ts';
/** Entries of processes of their own, which may end themselves. */
const WORKER_ENTRIES = ['src/bench/fleet/worker.ts', 'src/workers/worker.ts'];

/** Names that are not properties of something else: `setTimeout`, and not `clock.setTimeout`. */
const bare = (names: string) => `(?<![\\w$#.])(?:${names})(?![\\w$])`;
const GLOBAL_OBJECT = '(?:globalThis|global|self)\\s*\\??\\.\\s*';
const TIMERS = 'setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|clearImmediate|queueMicrotask';

interface BannedName {
  readonly pattern: RegExp;
  readonly what: string;
}

const CLOCKS: readonly BannedName[] = [
  { pattern: /(?<![\w$#])Date\s*\??\.\s*now(?![\w$])/g, what: 'Date.now' },
  { pattern: /(?<![\w$#.])new\s+Date\s*(?:\(\s*\)|(?!\s*\())/g, what: 'the time of day' },
  { pattern: /(?<![\w$#])performance\s*\??\.\s*now(?![\w$])/g, what: 'performance.now' },
  { pattern: /(?<![\w$#])process\s*\.\s*hrtime(?![\w$])/g, what: 'process.hrtime' },
  {
    pattern: new RegExp(`${bare(TIMERS)}|${GLOBAL_OBJECT}(?:${TIMERS})(?![\\w$])`, 'g'),
    what: 'a global timer',
  },
  { pattern: /(?<![\w$#.])process\s*\.\s*nextTick(?![\w$])/g, what: 'process.nextTick' },
];

const EDGE_ONLY: readonly BannedName[] = [
  { pattern: /(?<![\w$#])process\s*\??\.\s*exit(?![\w$])/g, what: 'process.exit' },
  { pattern: /(?<![\w$#])process\s*\??\.\s*env(?![\w$])/g, what: 'process.env' },
  {
    pattern: /\{[^{}]*(?<![\w$])(?:exit|env)(?![\w$])[^{}]*\}\s*=\s*process(?![\w$.])/g,
    what: 'process.exit or process.env',
  },
  { pattern: new RegExp(`${bare('console')}|${GLOBAL_OBJECT}console(?![\\w$])`, 'g'), what: 'console' },
];

/** What a module must not be imported for; undefined names mean that it must not be imported at all. */
interface BannedImport {
  readonly module: RegExp;
  readonly names?: RegExp;
  readonly what: string;
}

const CLOCK_IMPORTS: readonly BannedImport[] = [
  { module: /^(?:node:)?timers(?:\/promises)?$/, what: 'a global timer' },
  { module: /^(?:node:)?perf_hooks$/, what: 'performance.now' },
];
const EDGE_ONLY_IMPORTS: readonly BannedImport[] = [
  {
    module: /^(?:node:)?process$/,
    names: /(?<![\w$])(?:exit|env)(?![\w$])/,
    what: 'process.exit or process.env',
  },
  { module: /^(?:node:)?console$/, what: 'console' },
];

/** Every use of time, environment or output in a file that must not use it, as `file:line: what`. */
export function breaches(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const code = blankComments(file.text);
    return [...importBreaches(file.path, code), ...nameBreaches(file.path, code)];
  });
}

function folderOf(path: string): string {
  return path.split('/')[1] ?? '';
}

interface Import {
  readonly specifier: string;
  /** What stands between `import` and `from`. */
  readonly names: string;
  readonly line: number;
}

// Static imports and re-exports, imports for the side effect, dynamic imports and require.
const IMPORT =
  /(?<![\w$.])(?:import|export)(\s[^'"`;()=]*?\sfrom|\s*\{[^'"`;()=]*?\}\s*from|\s*\*[^'"`;()=]*?\sfrom|)\s*(['"])([^'"\n]+)\2|(?<![\w$.])(?:import|require)\s*\(\s*(['"`])([^'"`\n]+)\4/g;

function importsOf(code: string): Import[] {
  return [...code.matchAll(IMPORT)].map((match) => ({
    specifier: match[3] ?? match[5] ?? '',
    names: match[1] ?? '',
    line: lineAt(code, match.index),
  }));
}

function importBreaches(path: string, code: string): string[] {
  return importsOf(code).flatMap(({ specifier, names, line }) =>
    bannedImportsIn(path)
      .filter((banned) => banned.module.test(specifier) && (banned.names?.test(names) ?? true))
      .map(({ what }) => `${path}:${line}: ${folderOf(path)} must not use ${what} (\`${specifier}\`)`),
  );
}

function keepsNoTime(path: string): boolean {
  return ['manager', 'protocol'].includes(folderOf(path)) && path !== CLOCK_FILE;
}

function isEdge(path: string): boolean {
  return folderOf(path) === 'cli' || WORKER_ENTRIES.includes(path);
}

function bannedImportsIn(path: string): readonly BannedImport[] {
  return [...(keepsNoTime(path) ? CLOCK_IMPORTS : []), ...(isEdge(path) ? [] : EDGE_ONLY_IMPORTS)];
}

function nameBreaches(path: string, code: string): string[] {
  const banned = [...(keepsNoTime(path) ? CLOCKS : []), ...(isEdge(path) ? [] : EDGE_ONLY)];
  const bareCode = blankStrings(code);
  return banned.flatMap(({ pattern, what }) =>
    [...bareCode.matchAll(pattern)].map(
      ({ index }) => `${path}:${lineAt(bareCode, index)}: ${folderOf(path)} must not use ${what}`,
    ),
  );
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

// A comment, or what may hold something that only looks like one: a string, a template, a regular expression
// (which stands where no value ended just before).
const TOKEN =
  /(\/\/[^\n]*|\/\*[\s\S]*?\*\/)|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|(?<=(?:^|[=(,:[!&|?{};\n]|=>|return)\s*)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/g;

const blank = (text: string) => text.replace(/[^\n]/g, ' ');

/** The code with its comments blanked out, each line where it was. */
function blankComments(text: string): string {
  return text.replace(TOKEN, (token, comment: string | undefined) =>
    comment === undefined ? token : blank(token),
  );
}

/** Code without comments, with its strings and regular expressions blanked out; of templates, the `${…}` stay. */
function blankStrings(code: string): string {
  return code.replace(TOKEN, (token) =>
    token.startsWith('`')
      ? token.replace(/(\$\{[^}]*\})|[^\n]/g, (_, hole: string | undefined) => hole ?? ' ')
      : blank(token),
  );
}
