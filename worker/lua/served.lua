-- Note that TikTok served a request: a row of throttling has ended.
-- KEYS: 1 limit
-- ARGV: 1 how long the row was when the request was granted
-- Returns: 1 if the row ended, 0 if TikTok has throttled since: then the answer says nothing about that.
if redis.call('HGET', KEYS[1], 'row') ~= ARGV[1] then return 0 end
return redis.call('HDEL', KEYS[1], 'row')
