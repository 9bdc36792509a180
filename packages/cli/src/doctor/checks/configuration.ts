import { mistake, ok, type Check } from '../check.js'

/** The configuration can be read, and a gateway be built with it. */
export const configuration: Check = {
  code: 'LAZU_DOCTOR_CONFIGURATION',
  title: 'The configuration is valid',
  run: ({ configProblem }) =>
    configProblem === undefined
      ? [ok('The configuration is valid.')]
      : [
          mistake(
            configProblem,
            'Mend the configuration; a server that starts with it stops, too.',
          ),
        ],
}
