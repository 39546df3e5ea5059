-- Lay a mended event beside a dead letter's own.
-- KEYS: 1 dead:events  2 dead:revisions
-- ARGV: 1 ref  2 payload
-- Returns: 1, or 0 when there is no such dead letter (any more): nobody would ever delete its revision.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 1
