import * as express from '@lazu/express'
import * as fastify from '@lazu/fastify'
import * as koa from '@lazu/koa'
import type { Request } from 'express'
import type { FastifyRequest } from 'fastify'
import type { Context } from 'koa'
import { expectTypeOf, it } from 'vitest'

it('types what a handler sees, in every framework', () => {
  expectTypeOf<Request['lazu']>().toEqualTypeOf<express.RequestContext>()
  expectTypeOf<Context['lazu']>().toEqualTypeOf<koa.RequestContext>()
  expectTypeOf<FastifyRequest['lazu']>().toEqualTypeOf<fastify.RequestContext>()
})

it('knows the conditions by name', () => {
  expectTypeOf<'api_key_disabled'>().toExtend<express.Condition>()
  expectTypeOf<'api_key_lost'>().not.toExtend<express.Condition>()
})

it('has no any in its options', () => {
  expectTypeOf(express.lazu).parameter(0).not.toBeAny()
  expectTypeOf(express.lazu).parameter(0).toEqualTypeOf<express.GatewayOptions>()
  expectTypeOf<express.GatewayOptions['keys']>().toEqualTypeOf<express.Keys | undefined>()
  expectTypeOf(koa.lazuAuth).parameter(0).toHaveProperty('keys')
  expectTypeOf(fastify.lazuQuota).parameter(1).toHaveProperty('ledger')
})

it('makes a guard of a plain object', () => {
  expectTypeOf({
    name: 'mine',
    phase: 'head' as const,
    enter(exchange: express.Exchange) {
      exchange.setHeader('x-mine', exchange.requestId)
    },
  }).toExtend<express.Guard>()
})
