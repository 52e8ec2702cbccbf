/** The words that a person who never saw the tool cannot know, as they are used on the page. */
const WORDS: readonly (readonly [string, string])[] = [
  ['cohort', 'a group of clients that behave alike: healthy, or faulty in one of several ways'],
  [
    'expectation',
    'a rule of the scenario that the result must satisfy; an implicit one is what every server owes its clients',
  ],
  ['phase', 'a step of the scenario; one follows the other'],
  ['namespace', 'what a client belongs to; it gets the cursors of its own and of no other'],
  ['cursor', 'a small message that says “there is new data”; only the newest matters'],
  ['emit', 'hand a cursor to the server, which broadcasts it'],
  ['broadcast, delivery', 'one cursor sent to a namespace; that cursor received by one client'],
  ['accepted', 'clients that connected and were not turned away'],
  ['refused.late', 'clients that were turned away only after they had been let in'],
  [
    'closed 4401, 4503, 1001, 1006',
    'ended by the server: no valid token; a limit is reached; going away or no answer to a ping; without saying why',
  ],
  ['left by themselves', 'connections that the scenario has its clients end'],
  ['gone without a word', 'half-open: they neither read nor wrote any more, and sent no close'],
  ['lost, duplicated, reordered', 'cursors that never came; came twice; came after a newer one'],
  ['leaked, foreign', 'cursors of another namespace; cursors that nobody emitted in this run'],
  ['conflated', 'left out for a slow client because a newer cursor took its place, which is right'],
  ['p50, p90, p99', 'half of all took no longer than this; 9 of 10 did not; 99 of 100 did not'],
  ['fan-out latency', 'from the emit of a cursor to its receipt by a client'],
  ['fan-out skew', 'from the first receiver of a broadcast to the last'],
  ['convergence', 'from the last emit until every client has the newest cursor'],
  ['ping, heartbeat', 'the server asks each client now and then whether it is there'],
  ['heartbeat interval', 'from one ping to the next'],
  ['heartbeat timeout', 'from a ping that a client does not answer until the server closes it'],
  [
    'heartbeat killed, missed, unpinged, overdue',
    'clients closed although they answer; still open although they never do; never asked; not asked for too long',
  ],
  ['load generator', 'what plays the clients, in worker processes; the emitter is its part that emits'],
  ['emitter behind schedule', 'how much later than planned cursors were emitted'],
  ['event-loop delay', 'how long a process was too busy to see to anything new'],
  ['seed', 'what the random choices of a run are made from: the same seed, the same choices'],
];

export const GLOSSARY = `<dl>${WORDS.map(([word, meaning]) => `<dt>${word}</dt><dd>${meaning}</dd>`).join('\n')}</dl>`;
