import { mistake, notChecked, ok, type Check, type Finding } from '../check.js'
import type { ServerMissing } from '../examination.js'

/** The server answers. */
export const reachable: Check = {
  code: 'LAZU_DOCTOR_SERVER',
  title: 'The server answers',
  run: ({ server }) => [
    server.kind === 'seen'
      ? ok(`${server.url.origin} answered in ${Math.round(server.unknownPath.tookMs)} ms.`)
      : ofMissing(server),
  ],
}

function ofMissing({ url, isExpected, problem }: ServerMissing): Finding {
  const where = url?.origin ?? 'The server'
  switch (problem.reason) {
    case 'no_url':
      return notChecked('No url is known: give --url, or url in the configuration.')
    case 'tls':
      return mistake(
        `TLS with ${where} failed: ${problem.problem}.`,
        'Renew or complete its certificate, or write http:// where it speaks no TLS; ' +
          'an own authority is trusted with NODE_EXTRA_CA_CERTS.',
      )
    case 'redirect':
      return mistake(
        `${where} redirects to ${problem.problem}; no redirect was followed.`,
        `Give --url ${problem.problem}, where clients should go as well: they lose the key on the way.`,
      )
    case 'deadline':
    case 'connection': {
      const found = `${where} does not answer: ${problem.problem}.`
      return isExpected
        ? mistake(found, 'Start the server, or give the url where it listens.')
        : notChecked(`${found} Start the server to have it examined.`)
    }
  }
}
