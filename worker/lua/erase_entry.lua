-- Remove an event from a stream: its entry, or its part of a pack.
-- KEYS: 1 stream  2 bulk:size, or the stream again where it holds no packs  3 totals  4 orders:refs
--       5 its order, or orders:refs again where it is of none
-- ARGV: 1 group  2 entry id  3 ref  4 ms of silence after which a worker that holds it counts as dead
--       5 how many events go  6 counter  7.. fields and values of the pack that is left, none when nothing is
-- Returns: 1, 0 when it was gone, -1 when a worker holds it.
-- One that a dead worker held is acknowledged: should that worker settle it after all, it finds that it is no longer
-- its own, and places it nowhere. The rest of a pack gets a place of its own, with the ids that it had.
local TYPES = {'stream', 'string', 'hash', 'hash', 'hash'}
for number, key in ipairs(KEYS) do
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= TYPES[number] and not (number == 2 and key == KEYS[1]) then
    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. found)
  end
end
local stream, group, id, ref = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
if #redis.call('XRANGE', stream, id, id) == 0 then return 0 end
local held = redis.pcall('XPENDING', stream, group, id, id, 1)
if not held.err and #held > 0 and tonumber(held[1][3]) < tonumber(ARGV[4]) then return -1 end
-- A removal comes first: after it Redis lets the other writes through even when memory is full.
redis.call('XDEL', stream, id)
redis.call('XACK', stream, group, id)
if #ARGV > 6 then redis.call('XADD', stream, '*', unpack(ARGV, 7)) end
if KEYS[2] ~= stream then
  if redis.call('XLEN', stream) == 0 then redis.call('DEL', KEYS[2]) else redis.call('DECRBY', KEYS[2], ARGV[5]) end
end
redis.call('HINCRBY', KEYS[3], ARGV[6], ARGV[5])
if KEYS[5] ~= KEYS[4] then
  redis.call('HDEL', KEYS[5], 'w:' .. ref)
  redis.call('HDEL', KEYS[4], ref)
end
return 1
