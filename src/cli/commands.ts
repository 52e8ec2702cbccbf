import type { OptionTable } from '../options/spec.js';
import type { Io } from './io.js';

/** A command line without `npx datafn-ws`, and what it does. */
export type Example = readonly [commandLine: string, does: string];

/** A command whose flags are a table of options. */
export interface CommandSpec {
  readonly name: string;
  readonly group: string;
  readonly description: string;
  /** Arguments in Commander's notation, such as `[cursor]`, with their help. */
  readonly arguments: readonly (readonly [name: string, help: string])[];
  readonly examples: readonly Example[];
  /** Commands below it, such as `bench find`. */
  readonly commands?: readonly CommandSpec[];
  /** Loads the flags. Modules of other commands stay unloaded: each needs other packages. */
  options(): Promise<OptionTable>;
  /** Loads and runs the command. Returns the exit code. */
  run(args: readonly unknown[], flags: Readonly<Record<string, string>>, io: Io): Promise<number>;
}

const RUN = 'Run a server:';
const TALK = 'Talk to a server:';
const TEST = 'Test a server:';

/** Every command except `completion` and `help`, in the order in which help lists them. */
export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'serve',
    group: RUN,
    description: 'Run a DataFn WebSocket server, no backend needed.',
    arguments: [],
    examples: [
      ['serve', "Serve on ws://127.0.0.1:3001/datafn/ws; a client's token is its namespace"],
      ['serve --demo', 'Serve a page at / that shows live sync'],
      ['serve --anonymous-namespace user:alice', 'Admit stock DataFn clients, which send no token'],
      [
        'serve --auth jwt --jwt-secret-file secret --host 0.0.0.0',
        'Listen on all interfaces (set DATAFN_WS_ADMIN_TOKEN first)',
      ],
      ['serve --config datafn-ws.yaml --check', 'Check a config file'],
    ],
    options: async () => (await import('../options/serve-flags.js')).serveOptions,
    run: async (_, flags, io) => (await import('./serve/serve.js')).serve(flags, io),
  },
  {
    name: 'emit',
    group: TALK,
    description: 'Push cursors into namespaces of a running server.',
    arguments: [['[cursor]', 'the cursor to broadcast, such as 42']],
    examples: [
      ['emit 42 -n user:alice', 'Send one cursor to the clients of a namespace'],
      ['emit --from 1 --to 100 --rate 10/s -n user:alice -n user:bob', 'Send a hundred to two namespaces'],
      ['emit --file script.ndjson', 'Send the cursors of a script'],
    ],
    options: async () => (await import('../options/emit.js')).emitOptions,
    run: async ([cursor], flags, io) =>
      (await import('./emit.js')).emit(cursor as string | undefined, flags, io),
  },
  {
    name: 'listen',
    group: TALK,
    description: 'Connect as a DataFn client and print the cursors of a namespace.',
    arguments: [],
    examples: [
      ['listen -n user:alice', 'Print the cursors of a namespace'],
      ['listen --url wss://app.example.com/datafn/ws --token "$TOKEN"', 'Listen to any DataFn server'],
      ["listen -n user:alice --json | jq -r 'select(.cursor).cursor'", 'Hand the cursors to another program'],
    ],
    options: async () => (await import('../options/listen.js')).listenOptions,
    run: async (_, flags, io) => (await import('./listen.js')).listen(flags, io),
  },
  {
    name: 'who',
    group: TALK,
    description: 'List namespaces with connected clients, or the clients of one namespace.',
    arguments: [],
    examples: [
      ['who', 'List the namespaces of the server on this machine'],
      ['who -n user:alice', 'List the clients of a namespace'],
      ['who --url https://app.example.com', 'Ask another server; DATAFN_WS_ADMIN_TOKEN is set'],
    ],
    options: async () => (await import('../options/listen.js')).whoOptions,
    run: async (_, flags, io) => (await import('./who.js')).who(flags, io),
  },
  {
    name: 'kick',
    group: TALK,
    description: 'Disconnect clients that must lose access.',
    arguments: [['[id]', 'id of the client to close; who -n NS shows it']],
    examples: [
      ['kick 7', 'Close one client'],
      ['kick --principal user:bob', 'Close all clients that stand for a principal'],
      ['kick -n tenant:acme --code 4401 --reason "Signed out"', 'Close all clients of a namespace'],
    ],
    options: async () => (await import('../options/kick.js')).kickOptions,
    run: async ([id], flags, io) => (await import('./kick.js')).kick(id as string | undefined, flags, io),
  },
  {
    name: 'fault',
    group: TALK,
    description: 'Make connections of a running server go wrong, to test clients.',
    arguments: [
      ['<action>', 'set, list or clear'],
      ['[fault]', 'the fault to set, such as drop, delay, half-open or offline; see docs/faults.md'],
      ['[settings...]', 'its settings as NAME=VALUE, such as delay=200ms'],
    ],
    examples: [
      ['fault set drop -n user:alice --next 1', 'Lose the next cursor of a namespace'],
      ['fault set delay delay=2s jitter=500ms --for 1m', 'Send all cursors late for a minute'],
      ['fault set --preset flaky-train', 'Set a preset'],
      ['fault list', 'List what is set, and how often it struck'],
      ['fault clear', 'Stop all of it'],
    ],
    options: async () => (await import('../options/fault.js')).faultOptions,
    run: async ([action, name, settings], flags, io) =>
      (await import('./fault/fault.js')).fault(
        action as string,
        name as string | undefined,
        settings as readonly string[],
        flags,
        io,
      ),
  },
  {
    name: 'bench',
    group: TEST,
    description: 'Open thousands of real clients and check that the server behaves.',
    arguments: [['[scenario...]', 'scenarios to run, by name or file (default smoke; see --list)']],
    examples: [
      ['bench', 'Run the smoke scenario against a server that bench starts'],
      ['bench capacity --set cohorts.full.clients=2000', 'Run another scenario, with one value changed'],
      ['bench limits --url ws://127.0.0.1:3001/datafn/ws', 'Test a running server'],
      ['bench --baseline main.json --html report.html', 'Compare with an earlier run and write a page'],
      ['bench capacity --live 8080', 'Watch the run in a browser, at http://127.0.0.1:8080'],
      ['bench find --of deliveries', 'Find how many deliveries a second the server takes'],
    ],
    commands: [
      {
        name: 'find',
        group: TEST,
        description: 'Find how much a server takes: raise a load until a rule breaks, and close in.',
        arguments: [
          ['[scenario]', 'scenario whose load is raised (default: load; connects for connect-rate)'],
        ],
        examples: [
          ['bench find', 'Find how many clients the server takes, each with one cursor a second'],
          [
            "bench find --of deliveries --until 'fanout.p99 < 250ms' --html limit.html",
            'Find the deliveries a second within a latency, and draw the curve',
          ],
          [
            'bench find --of connect-rate --url ws://127.0.0.1:3001/datafn/ws --at-least 500',
            'Fail unless a running server takes 500 connects a second',
          ],
        ],
        options: async () => (await import('./bench/find-flags.js')).findFlags,
        run: async ([name], flags, io) =>
          (await import('./bench/find.js')).find(name as string | undefined, flags, io),
      },
    ],
    options: async () => (await import('./bench/options.js')).benchFlags,
    run: async ([names], flags, io) =>
      (await import('./bench/bench.js')).bench(names as readonly string[], flags, io),
  },
  {
    name: 'verify',
    group: TEST,
    description: 'Check a server against the DataFn contract, clause by clause.',
    arguments: [['[url]', 'WebSocket URL or DataFn remote of the server; without it, verify starts one']],
    examples: [
      ['verify', 'Check datafn-ws serve'],
      [
        'verify wss://app.example.com/datafn/ws --trigger push',
        'Check another server; DATAFN_WS_TOKEN_A and _B are set',
      ],
      [
        'verify --only auth --only limits/1 --junit verify.xml',
        'Check some clauses and write a report for CI',
      ],
      ['verify --list', 'List the clauses'],
    ],
    options: async () => (await import('../options/verify.js')).verifyOptions,
    run: async ([url], flags, io) =>
      (await import('./verify/verify.js')).verify(url as string | undefined, flags, io),
  },
  {
    name: 'compare',
    group: TEST,
    description:
      'Compare two JSON reports of bench, or show trends over many; exit with 4 when the newer one is worse.',
    arguments: [
      ['[base]', 'JSON report to compare with'],
      ['[new]', 'JSON report of the newer run; - reads stdin'],
    ],
    examples: [
      ['compare main.json branch.json', 'Check whether a branch is worse'],
      ["compare main.json branch.json --fail-on 'fanout.p99 +20% +10ms'", 'Fail on a slower fan-out as well'],
      ['compare --history reports --html trends.html', 'Show all reports of a folder as a page of trends'],
    ],
    options: async () => (await import('../options/bench.js')).compareOptions,
    run: async ([base, next], flags, io) =>
      (await import('./compare.js')).compare(
        base as string | undefined,
        next as string | undefined,
        flags,
        io,
      ),
  },
  {
    name: 'merge',
    group: TEST,
    description: 'Make one report of the JSON reports of bench --shard, and judge the rules on the whole.',
    arguments: [['[report...]', 'JSON reports of all parts of a run; - reads stdin']],
    examples: [
      ['merge shard-*.json', 'Add up the parts of a run'],
      ['merge shard-*.json --json run.json --html run.html', 'Write reports of the whole run'],
    ],
    options: async () => (await import('./bench/merge-flags.js')).mergeFlags,
    run: async ([names], flags, io) =>
      (await import('./merge.js')).merge(names as readonly string[], flags, io),
  },
  {
    name: 'token',
    group: RUN,
    description: 'Print a JWT for a server with --auth jwt and a secret, signed with HS256.',
    arguments: [],
    examples: [
      ['token --secret-file secret --claim sub=alice', 'Print a token that is valid for an hour'],
      ['listen --token "$(npx datafn-ws token --claim sub=alice)"', 'Use one; DATAFN_WS_JWT_SECRET is set'],
    ],
    options: async () => (await import('../options/token.js')).tokenOptions,
    run: async (_, flags, io) => (await import('./token.js')).token(flags, io),
  },
];
