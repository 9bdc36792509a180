export { createApp, serve } from './server.js'
