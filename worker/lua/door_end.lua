-- Remember what came of a request with an idempotency key.
-- KEYS: 1 door answer
-- ARGV: 1 digest of the request  2 'done' or 'partial'  3 data  4 how long in ms
-- Returns: 1, or 0 when another request has the key by now: this one took longer than its lease.
local holder = redis.call('HGET', KEYS[1], 'request')
if holder and holder ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'request', ARGV[1], 'state', ARGV[2], 'data', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
