const whatItNames = {
  DATABASE_URL: {
    what: 'a PostgreSQL database',
    started: 'postgres://lazu:lazu@127.0.0.1:5432/lazu',
  },
  REDIS_URL: { what: 'a Redis', started: 'redis://127.0.0.1:6379' },
} as const

/**
 * The URL in a variable of the environment.
 *
 * @throws Error that says what is missing, and how to get it
 */
export function urlIn(name: keyof typeof whatItNames): string {
  const url = process.env[name] ?? ''
  if (url.trim() !== '') return url
  const { what, started } = whatItNames[name]
  throw new Error(
    `${name} is not set: it must name ${what}, and \`docker compose up -d --wait\` ` +
      `in examples/two-servers starts one at ${started}.`,
  )
}
