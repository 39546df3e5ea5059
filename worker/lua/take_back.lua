-- Take over entries that their consumer has held in silence for too long.
-- KEYS: 1 inbox  2 retry  3 replay  4 lock, where entries may be taken under one only
-- ARGV: 1 group  2 consumer  3 silence, ms  4 batch size  5 most deliveries  6 token of the lock  7 its life, ms
-- Returns: {{stream number, entry id, fields, deliveries so far}, ...}
-- The batch shrinks to an eighth with each death, so that in the end the killer travels alone.
local group, consumer, silence = ARGV[1], ARGV[2], ARGV[3]
local size, most = tonumber(ARGV[4]), tonumber(ARGV[5])
local taken, limit = {}, size

if KEYS[4] then
  if redis.call('GET', KEYS[4]) ~= ARGV[6] then return {} end
  redis.call('PEXPIRE', KEYS[4], ARGV[7]) -- its life counts from what is taken under it
end

for number = 1, 3 do
  local pending = redis.pcall('XPENDING', KEYS[number], group, 'IDLE', silence, '-', '+', size)
  if pending.err then pending = {} end -- no such group: nothing is held
  for _, held in ipairs(pending) do
    local id, deliveries = held[1], held[4]
    local fit = math.max(1, math.floor(size / 8 ^ (deliveries - 1)))
    if deliveries >= most then fit = size end -- not sent again, so there is nothing to shrink for
    if #taken >= limit then return taken end
    if #taken < fit then -- else it waits for a batch as small as it needs
      limit = math.min(limit, fit)
      local entry = redis.call('XCLAIM', KEYS[number], group, consumer, silence, id)[1]
      if entry then
        taken[#taken + 1] = {number, entry[1], entry[2], deliveries}
      else
        -- Deleted by somebody else's hand; 6.2 keeps such an id pending for ever.
        redis.call('XACK', KEYS[number], group, id)
      end
    end
  end
end
return taken
