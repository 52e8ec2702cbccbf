/** Breaks a text at blanks into lines of at most `width`; a word that is longer, anywhere. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  const pieces = new RegExp(`\\S{1,${width}}`, 'gu');
  for (const piece of text.split(/\s+/).flatMap((word) => word.match(pieces) ?? [])) {
    if (line !== '' && line.length + 1 + piece.length > width) {
      lines.push(line);
      line = piece;
    } else line = line === '' ? piece : `${line} ${piece}`;
  }
  return line === '' ? lines : [...lines, line];
}
