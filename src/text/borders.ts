const SIDES = ['top', 'bottom', 'left', 'right', 'mid'];

/** Characters for a table without borders, as `cli-table3` takes them: only two blanks between columns. */
export const NO_BORDERS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    SIDES.flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`]).map((name) => [name, '']),
  ),
  middle: '  ',
};
