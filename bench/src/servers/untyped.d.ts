declare module 'koa-timeout-v2' {
  import type { Middleware } from 'koa'

  export default function timeout(delayMs: number): Middleware
}
