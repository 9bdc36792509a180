// What a server is told by the process that starts it, or by whoever starts it by hand.

/** The one API key that is let in. */
export const key: string = process.env['BENCH_KEY'] ?? 'sk-started-by-hand'

/** How many requests a minute the key may send; as good as no limit unless told. */
export const perMinute: number = Number(process.env['BENCH_PER_MINUTE'] ?? 60_000_000)

/** Every stack gives a request so long. */
export const timeoutMs = 120_000

/** Networks the key may be used from. */
export const allow: readonly string[] = ['127.0.0.0/8', '10.0.0.0/8']
