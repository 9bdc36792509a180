import { bodyParser } from '@koa/bodyparser'
import * as onExpress from '@lazu/express'
import * as onFastify from '@lazu/fastify'
import * as onKoa from '@lazu/koa'
import express from 'express'
import Fastify from 'fastify'
import createError from 'http-errors'
import Koa from 'koa'
import type { RequestListener, Server } from 'node:http'
import request from 'supertest'
import { describe, expect, it } from 'vitest'

/** A plain server with nothing of lazu but its errors. */
interface Plain {
  readonly name: string
  start(): Promise<RequestListener | Server>
}

const silent = { error: () => undefined, warn: () => undefined }

function teapot(): never {
  throw createError(418, 'No coffee here', { headers: { 'x-pot': 'short' } })
}

function bug(): never {
  throw new Error('the password is hunter2')
}

const plainExpress: Plain = {
  name: 'express',
  async start() {
    const app = express()
    app.use(express.json())
    app.get('/teapot', teapot).get('/bug', bug)
    app.post('/echo', (incoming, response) => void response.json(incoming.body))
    return app.use(onExpress.lazuErrors({ logger: silent }))
  },
}

const plainKoa: Plain = {
  name: 'koa',
  async start() {
    const app = new Koa()
    app.use(onKoa.lazuErrors({ logger: silent })).use(bodyParser())
    app.use((context) => {
      if (context.path === '/teapot') teapot()
      if (context.path === '/bug') bug()
      context.body = Reflect.get(context.request, 'body')
    })
    const listen = app.callback()
    return (incoming, response) => void listen(incoming, response)
  },
}

const plainFastify: Plain = {
  name: 'fastify',
  async start() {
    const app = Fastify()
    await app.register(onFastify.lazuErrors, { logger: silent })
    app.get('/teapot', teapot)
    app.get('/bug', bug)
    app.post('/echo', (incoming) => incoming.body)
    await app.ready()
    return app.server
  },
}

describe.each([plainExpress, plainKoa, plainFastify])('lazuErrors() alone on $name', (plain) => {
  it('leaves a good request as it is', async () => {
    const response = await request(await plain.start())
      .post('/echo')
      .send({ hello: 'world' })
    expect([response.status, response.body]).toEqual([200, { hello: 'world' }])
  })

  it('tells a broken body without the text of a parser', async () => {
    const response = await request(await plain.start())
      .post('/echo')
      .set('content-type', 'application/json')
      .send('{"secret": tru')
    expect(response.status).toBe(400)
    expect(response.body.error).toMatchObject({ code: 'bad_request_body', param: null })
    expect(response.text).not.toMatch(/secret|token|position/)
    expect(response.headers['x-request-id']).toBe(response.body.error.request_id)
  })

  it('keeps the status, message and headers of an error that has them', async () => {
    const response = await request(await plain.start()).get('/teapot')
    expect(response.status).toBe(418)
    expect(response.headers['x-pot']).toBe('short')
    expect(response.body.error).toMatchObject({
      code: 'invalid_request',
      message: 'No coffee here',
    })
  })

  it('hides what a bug says, and lets clients retry', async () => {
    const response = await request(await plain.start()).get('/bug')
    expect(response.status).toBe(500)
    expect(response.body.error.code).toBe('internal_error')
    expect(response.text).not.toContain('hunter2')
    expect(response.headers['x-should-retry']).toBeUndefined()
  })
})
