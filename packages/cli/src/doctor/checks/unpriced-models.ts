import { mistake, notChecked, ok, type Check } from '../check.js'
import { configCheck } from '../needs.js'

/** Every model has a price. */
export const unpricedModels: Check = configCheck(
  { code: 'LAZU_DOCTOR_UNPRICED_MODEL', title: 'Every model has a price' },
  ({ gateway: { models, prices } }) => {
    if (models === undefined || prices === undefined) {
      return [notChecked('The configuration does not have both models and prices.')]
    }
    const names = models.map((model) => (typeof model === 'string' ? model : model.name))
    const unpriced = names.filter((name) => !Object.hasOwn(prices, name))
    if (unpriced.length === 0) return [ok('Every model has a price.')]
    const list = unpriced.map((name) => JSON.stringify(name)).join(', ')
    return [
      mistake(
        `gateway.prices has no price for ${list}: requests for it are refused ` +
          '(pricing_not_configured).',
        `Write its price: prices: { ${JSON.stringify(unpriced[0])}: { input: usd(1.25), output: usd(10) } }; ` +
          'or take it out of gateway.models.',
      ),
    ]
  },
)
