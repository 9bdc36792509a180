import type { LazuConfig } from '../config.js'
import { notChecked, type Check, type Finding } from './check.js'
import type { Examination, ServerSeen } from './examination.js'

type Named = Pick<Check, 'code' | 'title'>

/** A check that needs the configuration. */
export function configCheck(
  named: Named,
  run: (config: LazuConfig, examination: Examination) => readonly Finding[],
): Check {
  return {
    ...named,
    run: (examination) =>
      examination.config === undefined
        ? [notChecked('The configuration cannot be read.')]
        : run(examination.config, examination),
  }
}

/** A check that needs a running server. */
export function serverCheck(
  named: Named,
  run: (server: ServerSeen, examination: Examination) => readonly Finding[],
): Check {
  return {
    ...named,
    run: (examination) => {
      const { server } = examination
      if (server.kind === 'seen') return run(server, examination)
      return [notChecked(missing[server.problem.reason])]
    },
  }
}

const missing = {
  no_url: 'No url is known.',
  deadline: 'The server does not answer.',
  connection: 'The server does not answer.',
  tls: 'The server does not answer.',
  redirect: 'The server sends everybody elsewhere.',
} as const

/** A check that needs a running server and its routes. */
export function routesCheck(
  named: Named,
  run: (server: ServerSeen, examination: Examination) => readonly Finding[],
): Check {
  return serverCheck(named, (server, examination) =>
    server.routes.length === 0 ? [notChecked('No route is known.')] : run(server, examination),
  )
}
