import { describe } from 'vitest'
import { chuiziSays } from './chuizi.js'
import { fozaSays } from './foza.js'
import { harnesses } from './frameworks.js'
import { lazuSays } from './lazu.js'
import { lemondataSays } from './lemondata.js'
import { tokendogSays } from './tokendog.js'

// One file, so that the three frameworks are loaded once.
describe.each(harnesses)('with $name,', (harness) => {
  describe.each([
    { name: 'lazu', says: lazuSays },
    { name: 'TokenDog', says: tokendogSays },
    { name: 'LemonData', says: lemondataSays },
    { name: 'Chuizi', says: chuiziSays },
    { name: 'Foza', says: fozaSays },
  ])('what $name says of its errors:', ({ says }) => {
    says(harness)
  })
})
