-- Cancel a replay job that is running.
-- KEYS: 1 job
-- Returns: 1, or 0 when it was not running (any more): one that is done stays done.
if redis.call('HGET', KEYS[1], 'state') ~= 'running' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'cancelled')
return 1
