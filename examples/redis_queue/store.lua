-- Stores jobs, all or none. Keys: the stream, the scheduled jobs, the count of those. Arguments: kind,
-- args and delay in milliseconds of each job. Returns their ids.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ids = {}
for i = 1, #ARGV, 3 do
    local kind, args, delay = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
    if delay == 0 then
        ids[#ids + 1] = redis.call('XADD', KEYS[1], '*', 'kind', kind, 'args', args)
    else
        -- Counted, since two jobs may be alike and a set keeps one of them.
        local id = 'scheduled-' .. redis.call('INCR', KEYS[3])
        local job = cjson.encode({ id = id, kind = kind, args = args })
        redis.call('ZADD', KEYS[2], now + delay, job)
        ids[#ids + 1] = id
    end
end
return ids
