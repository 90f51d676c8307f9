-- Takes one job that is due. Keys: the stream, the scheduled jobs. Arguments: the worker's name, and for
-- how many milliseconds a job is left to the worker that has it. Returns id, kind and args, or nothing.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, due in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)) do
    local job = cjson.decode(due)
    redis.call('XADD', KEYS[1], '*', 'kind', job.kind, 'args', job.args)
    redis.call('ZREM', KEYS[2], due)
end

local entry = redis.call('XAUTOCLAIM', KEYS[1], 'workers', ARGV[1], ARGV[2], '0', 'COUNT', 1)[2][1]
if not entry then
    local new = redis.call('XREADGROUP', 'GROUP', 'workers', ARGV[1], 'COUNT', 1, 'STREAMS', KEYS[1], '>')
    entry = new and new[1][2][1]
end
return entry and { entry[1], entry[2][2], entry[2][4] }
