-- Stop listening for work, and tell one who waits for that.
-- KEYS: 1 leader  2 vacancy
-- ARGV: 1 name
-- Returns: 1 if it led.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
-- One message is enough, and it is of no use later.
if redis.call('LLEN', KEYS[2]) == 0 then redis.call('RPUSH', KEYS[2], '1') end
redis.call('EXPIRE', KEYS[2], 10)
return 1
