-- Begin to answer a request with an idempotency key, unless it is under way, answered, or another request.
-- KEYS: 1 door answer
-- ARGV: 1 digest of the request  2 lease in ms
-- Returns: {'new'}, {'partial', data}: ours to answer; {'running', ms left}, {'done', data}, {'other'}: not ours.
local known = redis.call('HMGET', KEYS[1], 'request', 'state', 'data')
if not known[2] then
  redis.call('HSET', KEYS[1], 'request', ARGV[1], 'state', 'running')
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {'new'}
end
if known[1] ~= ARGV[1] then return {'other'} end
if known[2] == 'running' then return {'running', redis.call('PTTL', KEYS[1])} end
if known[2] == 'done' then return {'done', known[3]} end
redis.call('HSET', KEYS[1], 'state', 'running')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'partial', known[3]}
