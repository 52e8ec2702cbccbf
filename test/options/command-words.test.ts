import { expect, test } from 'vitest';
import { commandWords } from '../../src/options/command-words.js';

test.each<[string, string[]]>([
  ['node server.js', ['node', 'server.js']],
  ['  node \t server.js\n', ['node', 'server.js']],
  [`node 'my server.js' --name "a 'b'"`, ['node', 'my server.js', '--name', `a 'b'`]],
  [`node --x="a b"c`, ['node', '--x=a bc']],
  [`node '' ""`, ['node', '', '']],
  ['node my\\ server.js \\"', ['node', 'my server.js', '"']],
  [`node "a\\"b" 'c\\d'`, ['node', 'a"b', 'c\\d']],
  ['node $HOME | cat > x', ['node', '$HOME', '|', 'cat', '>', 'x']],
])('the command %j has the words %j', (command, words) => {
  expect(commandWords(command)).toEqual(words);
});

test.each(['', '  ', `node "x`, `node 'x`, 'node \\', `'' node`])('%j is no command', (command) => {
  expect(commandWords(command)).toBeUndefined();
});
