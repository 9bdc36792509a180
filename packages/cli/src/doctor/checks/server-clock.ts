import { mistake, notChecked, ok, type Check } from '../check.js'
import { serverCheck } from '../needs.js'

const mostMs = 60_000

/** The server's clock goes as this machine's. */
export const serverClock: Check = serverCheck(
  { code: 'LAZU_DOCTOR_CLOCK', title: "The server's clock is right" },
  ({ unknownPath: { headers, atMs } }) => {
    const thereMs = Date.parse(headers['date'] ?? '')
    if (Number.isNaN(thereMs)) return [notChecked('Its answers have no Date header.')]
    const offMs = thereMs - atMs
    const facts = { offMs }
    if (Math.abs(offMs) <= mostMs) return [ok('The clocks agree.', { facts })]
    const seconds = Math.round(Math.abs(offMs) / 1000)
    return [
      mistake(
        `The server's clock is ${seconds} s ${offMs > 0 ? 'ahead of' : 'behind'} this machine's: keys ` +
          'expire and days begin at another time than this command says.',
        'Set both machines by NTP.',
        { facts },
      ),
    ]
  },
)
