// The way in for somebody who has Node and npm and nothing else: `npm start` and `npm test` come
// through here. It installs what the lockfile names, builds, and runs the step that was asked for.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const pnpmVersion = '12.21.0'

const steps = {
  start: () => node('examples/express/dist/start.js'),
  'start:koa': () => node('examples/koa/dist/start.js'),
  'start:fastify': () => node('examples/fastify/dist/start.js'),
  'start:two': () => node('examples/two-servers/dist/start.js'),
  tour: () => node('examples/express/dist/tour.js'),
  bench: () => node('bench/dist/chain.js', ...process.argv.slice(3)),
  'bench:micro': () => node('--expose-gc', 'bench/dist/micro.js'),
  'bench:format': () => node('bench/dist/format.js'),
  'bench:memory': () => {
    node('--expose-gc', 'bench/dist/memory.js')
    node('bench/dist/memory-pause.js')
  },
  'bench:stores': () => node('bench/dist/stores.js'),
  'bench:limiters': () => node('bench/dist/limiters.js'),
  'bench:upstream': () => node('bench/dist/upstream.js', ...process.argv.slice(3)),
  test,
}

function test() {
  bin('oxlint', '--type-aware', '--deny-warnings')
  bin('prettier', '--check', '--log-level', 'warn', '.')
  bin('vitest', 'run', '--reporter', './scripts/closing-line-reporter.mjs')
}

const step = steps[process.argv[2]]
if (step === undefined) {
  console.error(`usage: node scripts/run.mjs ${Object.keys(steps).join(' | ')}`)
  process.exit(2)
}
run('npx', ['--yes', `pnpm@${pnpmVersion}`, 'install', '--frozen-lockfile', '--silent'])
bin('tsc', '-b')
step()

function node(...args) {
  run(process.execPath, args)
}

function bin(name, ...args) {
  run(join(root, 'node_modules', '.bin', name), args)
}

/** Runs a command to its end and stops here when it fails. */
function run(command, args) {
  const windows = process.platform === 'win32'
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: windows })
  if (result.error) {
    console.error(`${command} could not be started: ${result.error.message}`)
    process.exit(1)
  }
  if (result.status !== 0) process.exit(result.status ?? 1)
}
