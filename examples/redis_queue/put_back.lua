-- Puts back what is parked. Keys: the stream, why jobs are parked. Argument: for how many milliseconds a job
-- is left to the worker that has it. Returns how many were parked.
local parked = redis.call('HKEYS', KEYS[2])
for _, id in ipairs(parked) do
    -- Acknowledged once, it is forced upon a worker that is none and whose lease is over.
    redis.call('XCLAIM', KEYS[1], 'workers', 'parked', 0, id, 'IDLE', ARGV[1], 'FORCE', 'JUSTID')
end
redis.call('DEL', KEYS[2])
return #parked
