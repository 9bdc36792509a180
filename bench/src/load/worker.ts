// Makes the calls it is told to make, in a process of its own so that it has a core of its own.
import type { Load } from './load.js'
import { loadPaced } from './paced.js'
import { loadWithAutocannon } from './with-autocannon.js'

process.on('message', (load: Load) => {
  const loading =
    load.perSecond === undefined ? loadWithAutocannon(load) : loadPaced(load, load.perSecond)
  void loading.then((loaded) => process.send?.(loaded))
})
process.on('disconnect', () => process.exit())
