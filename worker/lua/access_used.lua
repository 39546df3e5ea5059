-- Remember when an access token was last used, unless it was revoked meanwhile: nobody would ever delete that.
-- KEYS: 1 access
-- ARGV: 1 token id  2 field of its last use  3 Unix seconds
-- Returns: 1, or 0 when there is no such token (any more).
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return 1
