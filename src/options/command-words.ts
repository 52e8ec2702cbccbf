/**
 * Splits a command into its words, as a shell would: at blanks, with '…', "…" and \ to quote. Nothing else is special:
 * no variables, no pipes.
 *
 * @returns the words, at least one; `undefined` for no words, or for a quote that is not closed.
 */
export function commandWords(command: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let index = 0; index < command.length; index++) {
    const letter = command[index] as string;
    const isEscape = letter === '\\' && quote !== "'";
    if (isEscape) {
      index += 1;
      if (index === command.length) return undefined;
      word = (word ?? '') + command[index];
    } else if (letter === quote) quote = '';
    else if (quote === '' && (letter === '"' || letter === "'")) {
      quote = letter;
      word ??= '';
    } else if (quote === '' && /\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + letter;
  }
  if (word !== undefined) words.push(word);
  return quote === '' && words[0] ? words : undefined;
}
