/** A run of a moment in which a few clients of every kind get a few cursors. */
export const TINY = `version: 1
name: tiny
summary: A few clients of several kinds.
server: { maxConnectionsPerNamespace: 10 }
cohorts:
  steady: { clients: 20, namespaces: "user:{1..4}" }
  hot: { clients: 14 }
  noToken: { clients: 5, behavior: unauthenticated }
phases:
  - connect: { cohort: steady, atOnce: true }
  - connect: { cohort: hot, atOnce: true }
  - connect: { cohort: noToken, atOnce: true }
  - emit: { namespaces: ["user:{1..4}", hot], rate: 100/s, for: 300ms }
expect:
  - steady.accepted == 20
  - hot.closed[4503 "Namespace connection limit reached"] >= 4
  - noToken.closed[4401 "Unauthorized"] == 5
  - emit.failed == 0
  - cursors.lost == 0
  - cursors.duplicated == 0
  - cursors.leaked == 0
`;

/** Connects and then does nothing for a minute, to be interrupted. */
export const WAITING = `version: 1
name: waiting
cohorts:
  steady: { clients: 20, namespaces: "user:{1..5}" }
phases:
  - connect: { cohort: steady, atOnce: true }
  - hold: 60s
expect:
  - steady.accepted == 20
`;

interface TinyCluster {
  /** What the servers are, as the key `cluster` has it. */
  readonly cluster: string;
  /** How long bench waits for the last of 50 cursors. */
  readonly settle: string;
  /** The phases after the cursors. */
  readonly phases: readonly string[];
  /** Rules besides: ten of `hot` are admitted, and nobody is behind at the end. */
  readonly rules: readonly string[];
}

/** A cluster for a moment: 24 clients that come back, 16 of a namespace that admits ten, and 50 cursors. */
export function tinyCluster({ cluster, settle, phases, rules }: TinyCluster): string {
  return `version: 1
name: tiny-cluster
server: { maxConnectionsPerNamespace: 10, resume: true }
cluster: { ${cluster} }
cohorts:
  steady: { clients: 24, namespaces: "user:{1..4}", behavior: reconnecting }
  hot: { clients: 16 }
phases:
  - connect: { cohort: steady, atOnce: true }
  - connect: { cohort: hot, atOnce: true }
  - emit: { namespaces: all, rate: 100/s, for: 500ms, settle: ${settle} }
${phases.map((phase) => `  - ${phase}\n`).join('')}expect:
${['hot.accepted == 10', 'cursors.leftBehind == 0', ...rules].map((rule) => `  - ${rule}\n`).join('')}`;
}
