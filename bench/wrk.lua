-- The calls of the benchmarks: the body and pairs of header names and values are its arguments.
function init(args)
  wrk.method = "POST"
  wrk.body = args[1]
  for index = 2, #args, 2 do
    wrk.headers[args[index]] = args[index + 1]
  end
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format("answers=%d refused=%d broken=%d micros=%d p50=%d p99=%d",
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
