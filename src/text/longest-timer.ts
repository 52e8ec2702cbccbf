/** The longest delay a Node.js timer takes; a longer one fires at once (Node.js documentation, `setTimeout`). */
export const MAX_TIMER_MS = 2 ** 31 - 1;
