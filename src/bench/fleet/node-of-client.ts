/**
 * Which of several servers a client connects to. The clients of a namespace are spread evenly over all servers, and so
 * are those of a cohort. One that has lost its connection goes on to the next server, as behind a load balancer: its own
 * may be gone.
 *
 * @param index its number within its cohort.
 * @param namespaces how many namespaces the cohort has; client `i` is in the `i`-th, in rotation.
 * @param losses connections that it has lost, and tries that have failed.
 */
export function nodeOfClient(index: number, namespaces: number, losses: number, nodes: number): number {
  // Not `index % nodes`: with 30 namespaces on 3 servers, each namespace would be on one server alone.
  return ((index % namespaces) + Math.floor(index / namespaces) + losses) % nodes;
}
