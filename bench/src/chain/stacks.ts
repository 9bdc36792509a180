/** The frameworks. */
export const frameworks = ['fastify', 'koa', 'express'] as const
export type Framework = (typeof frameworks)[number]

/** What stands on a framework; each is a file in servers/. */
export const stacks = ['bare', 'lazu', 'lazu-head', 'usual', 'minimum'] as const
export type Stack = (typeof stacks)[number]

/** How stacks are called in tables. */
export const stackTitles: Readonly<Record<Stack, string>> = {
  bare: 'bare',
  lazu: 'lazu, the full preset',
  'lazu-head': 'lazu, head phase alone',
  usual: 'the usual packages',
  minimum: 'hand-written minimum',
}

/** What is asked of a server. */
export const calls = ['good', '401', '429'] as const
export type Call = (typeof calls)[number]

/** What is measured on each framework, in the order of one round: of a bare server good calls only. */
export const measurements: readonly { readonly stack: Stack; readonly call: Call }[] =
  calls.flatMap((call) =>
    stacks.filter((stack) => stack !== 'bare' || call === 'good').map((stack) => ({ stack, call })),
  )
