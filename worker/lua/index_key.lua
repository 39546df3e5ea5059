-- Return the key of the indexes of people; keep the offered one where there is none.
-- KEYS: 1 people:key
-- ARGV: 1 the offered key
-- Returns: the key that is kept.
-- Changing nothing: after its first write Redis lets a script's others through even when memory is full.
redis.call('PERSIST', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return redis.call('GET', KEYS[1])
