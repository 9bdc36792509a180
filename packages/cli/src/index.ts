export { defineConfig } from './config.js'
export type { ConfigSource, LazuConfig, ServeOptions } from './config.js'
