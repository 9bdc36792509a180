import { checkText } from '@lazu/core/stores'

/**
 * PostgreSQL's text holds every character but NUL, and no half of a surrogate pair. Names may hold
 * either, so these are written in characters that it does hold; U+0001, which each form begins with,
 * has a form, too. Every text is stored as one of its own, and they sort by their bytes as the texts
 * do. All others stay as they are, for whoever looks into the tables.
 */
const mark = '\x01'
const nul = '\x02'
const markItself = '\x03'
const half = '\x04'

const halves = /\p{Cs}/u
const allHalves = /\p{Cs}/gu
const hexLength = 4

/**
 * A text as it is stored. Every name and id goes through here.
 *
 * @throws RangeError for what is no text: the driver would make one of it, or a list
 */
export function encodeText(text: string): string {
  checkText('a name or an id', text)
  if (!text.includes('\0') && !text.includes(mark) && !halves.test(text)) return text
  return text
    .replaceAll(mark, mark + markItself)
    .replaceAll('\0', mark + nul)
    .replace(allHalves, (character) => mark + half + character.charCodeAt(0).toString(16))
}

/** The text of what `encodeText` made. */
export function decodeText(stored: string): string {
  if (!stored.includes(mark)) return stored
  const [plain = '', ...marked] = stored.split(mark)
  return plain + marked.map(decodeMarked).join('')
}

/** What a mark and the text behind it stand for. */
function decodeMarked(text: string): string {
  if (text.startsWith(nul)) return `\0${text.slice(1)}`
  if (text.startsWith(markItself)) return mark + text.slice(1)
  const code = Number.parseInt(text.slice(1, 1 + hexLength), 16)
  return String.fromCharCode(code) + text.slice(1 + hexLength)
}
