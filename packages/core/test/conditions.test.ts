import { conditions, lazuDialect } from '@lazu/core'
import { expect, it } from 'vitest'

it('has an answer in the lazu dialect for each of the 57 conditions', () => {
  expect(Object.keys(conditions)).toHaveLength(57)
  expect(Object.keys(lazuDialect.answers).toSorted()).toEqual(Object.keys(conditions).toSorted())
})
