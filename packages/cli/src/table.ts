import Table from 'cli-table3'

const noBorders = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}

/**
 * A table's lines: columns two spaces apart, those of numbers to the right, no borders, no spaces at
 * the end.
 *
 * @param isHeadBold whether to write the heads as terminals show them bold
 */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  isHeadBold: boolean,
): string[] {
  const table = new Table({
    head: isHeadBold ? head.map((text) => `\u001b[1m${text}\u001b[22m`) : [...head],
    chars: noBorders,
    colAligns: head.map((_, column) => (isNumeric(rows, column) ? 'right' : 'left')),
    style: { 'padding-left': 0, 'padding-right': 0, compact: true, head: [], border: [] },
  })
  table.push(...rows.map((row) => [...row]))
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
}

function isNumeric(rows: readonly (readonly string[])[], column: number): boolean {
  return rows.every((row) => /^-?\$?\d[\d.]*$/.test(row[column] ?? ''))
}
