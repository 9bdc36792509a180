import type { DemoKey, ForEachKey } from './demo-keys.js'

/** The environment variables in which the commands to try look for keys nobody can show any more. */
export const keyVariables: ForEachKey<string> = {
  good: 'LAZU_KEY',
  elsewhere: 'LAZU_KEY_ELSEWHERE',
  limited: 'LAZU_KEY_LIMITED',
  poor: 'LAZU_KEY_POOR',
  disabled: 'LAZU_KEY_DISABLED',
}

/** What a shell writes for each key: its secret where that is known, else its variable. */
export function bearersOf(keys: ForEachKey<DemoKey>): ForEachKey<string> {
  return {
    good: keys.good.secret ?? `$${keyVariables.good}`,
    elsewhere: keys.elsewhere.secret ?? `$${keyVariables.elsewhere}`,
    limited: keys.limited.secret ?? `$${keyVariables.limited}`,
    poor: keys.poor.secret ?? `$${keyVariables.poor}`,
    disabled: keys.disabled.secret ?? `$${keyVariables.disabled}`,
  }
}
