// Writes the table of errors into README.md, from the conditions and the lazu dialect. With --check
// it writes nothing and fails when the table is not what it should be.
import { readFile, writeFile } from 'node:fs/promises'
import { format, resolveConfig } from 'prettier'
import { catalogue } from '../packages/core/dist/index.js'

const retries = {
  no: 'no',
  yes: 'yes',
  after: 'after `Retry-After`',
  once: 'once',
  '5xx': 'if 5xx',
}
const readme = new URL('../README.md', import.meta.url)

const rows = catalogue('lazu').map(
  ({ condition, status, type, code, retry, when }) =>
    `| \`${condition}\` | ${status} | \`${type}\` | \`${code}\` | ${retries[retry]} | ${when} |`,
)
const table = [
  '| condition | status | type | code | retry | when |',
  '| --- | --- | --- | --- | --- | --- |',
  ...rows,
].join('\n')

const text = await readFile(readme, 'utf8')
const [before, rest] = split(text, '<!-- errors: begin -->')
const [, after] = split(rest, '<!-- errors: end -->')
const options = await resolveConfig(readme)
const updated = await format(
  `${before}<!-- errors: begin -->\n\n${table}\n\n<!-- errors: end -->${after}`,
  { ...options, parser: 'markdown' },
)
if (!process.argv.includes('--check')) await writeFile(readme, updated)
else if (updated !== text) {
  console.error('The table of errors in README.md is not true: run node scripts/errors-table.mjs')
  process.exit(1)
}

function split(whole, mark) {
  const index = whole.indexOf(mark)
  if (index === -1) throw new Error(`README.md has no ${mark}`)
  return [whole.slice(0, index), whole.slice(index + mark.length)]
}
