-- Move scheduled events whose time has come into the retry stream.
-- KEYS: 1 due  2 scheduled  3 retry
-- ARGV: 1 most events  2 "all" to promote what is not yet due, too, else ""
-- Returns: {moved, ms until the next is due, or -1}
-- A crash before or after leaves each event in exactly one place: the call is atomic.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local upto = ARGV[2] == 'all' and '+inf' or now
-- Removing nothing: after its first write Redis lets a script's others through even when memory is full.
redis.call('XDEL', KEYS[3], '0-1')
local refs = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', upto, 'LIMIT', 0, ARGV[1])
for _, ref in ipairs(refs) do
  local packed = redis.call('HGET', KEYS[2], ref)
  if packed then
    local cut = string.find(packed, '\n', 1, true)
    redis.call('XADD', KEYS[3], '*', 'event', string.sub(packed, cut + 1), 'meta', string.sub(packed, 1, cut - 1))
    redis.call('HDEL', KEYS[2], ref)
  end
  redis.call('ZREM', KEYS[1], ref)
end
local head = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return {#refs, head[2] and math.max(0, head[2] - now) or -1}
