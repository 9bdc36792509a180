/** How the guards and the body parser are mounted, for each framework. */
export const mountInOrder: string =
  'Mount gateway.admit, then the body parser, then gateway.meter, all before the route: ' +
  "app.use('/v1', gateway.admit, express.json(), gateway.meter), and likewise on Koa; " +
  'on Fastify await app.register(lazu, options) before the route.'

/** How the errors are mounted, for each framework. */
export const mountErrors: string =
  'Express: app.use(lazuNotFound()) and then app.use(lazuErrors()), behind all routes. ' +
  'Koa: app.use(lazuErrors()), before everything. Fastify: await app.register(lazu, options) on ' +
  'the root, or lazuErrors and lazuNotFound there.'

/** How a server comes to have what the configuration says. */
export const startWithConfig =
  'Start the server with the options of this configuration: lazu(config.gateway).'
