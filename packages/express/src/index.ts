export { systemClock } from '@lazu/core'
