"""What Redis does in one call each, in its Lua: policy.py's arithmetic with the server's clock.

A rate or quota is a hash of its amount and moment. Slots are a hash of how many each worker holds; a worker counts
while it has a lease, which is its member of a sorted set with the instant at which the lease ends. What goes with the
keys is one argument in MessagePack: arguments of their own would cost redis-py a quarter of the call.
"""

from __future__ import annotations

from access.allowances.policy import ROUNDING, SLOT_WAIT_SECONDS, Kind

_BEGIN = f"""
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local leases, worker = KEYS[1], ARGV[1]
local lease, list = tonumber(ARGV[2]), cmsgpack.unpack(ARGV[3])
local RATE, SLOTS = {Kind.RATE:d}, {Kind.SLOTS:d}
local function text(number) return string.format('%.17g', number) end
local function renew()
  redis.call('ZREMRANGEBYSCORE', leases, '-inf', text(now))
  redis.call('ZADD', leases, text(now + lease), worker)
  redis.call('PEXPIRE', leases, lease * 1000)
end
"""

CELLS = f"""{_BEGIN}
local call = ARGV[4]
local function held_by_all(key)
  local sum, held = 0, redis.call('HGETALL', key)
  for i = 1, #held, 2 do
    local ends = redis.call('ZSCORE', leases, held[i])
    if ends and tonumber(ends) > now then sum = sum + held[i + 1] else redis.call('HDEL', key, held[i]) end
  end
  return sum
end
local function used(key, kind, most, span)
  if kind == SLOTS then return held_by_all(key), 0 end
  local cell = redis.call('HMGET', key, 'amount', 'moment')
  local amount, moment = tonumber(cell[1] or 0), tonumber(cell[2] or 0)
  if kind == RATE then return math.max(0, amount - math.abs(now - moment) / span), now end
  if span > moment then return 0, span end
  return amount, moment
end
local function wait(kind, most, span, units, over)
  if units > most then return math.huge end
  if kind == RATE then return over * span end
  if kind == SLOTS then return {SLOT_WAIT_SECONDS} end
  return math.max(span - now, {ROUNDING})
end
local amounts, changes = {{}}, {{}}
for i = 2, #KEYS do
  local key = KEYS[i]
  local kind, most, span, units = unpack(list[i - 1])
  local amount, moment = used(key, kind, most, span)
  amounts[i - 1] = text(amount)
  amount = amount + units
  if call == 'charge' and amount - most > {ROUNDING} then
    return {{tostring(i - 2), text(wait(kind, most, span, units, amount - most))}}
  end
  changes[i - 1] = function()
    if kind == SLOTS then
      renew()
      if redis.call('HINCRBY', key, worker, units) <= 0 then redis.call('HDEL', key, worker) end
      redis.call('PEXPIRE', key, lease * 1000)
    elseif kind == RATE or call == 'charge' or span >= moment then
      amount = math.max(0, amount)
      redis.call('HSET', key, 'amount', text(amount), 'moment', text(moment))
      local ends = moment
      if kind == RATE then ends = now + amount * span end
      redis.call('PEXPIREAT', key, math.ceil(ends * 1000))
    end
  end
end
if call == 'used' then return amounts end
for i = 1, #changes do changes[i]() end
return {{}}
"""
"""KEYS: the leases, the cells. ARGV: this worker; the seconds of a lease; kind, most, span and units of each cell;
charge, correct or used. Returns amounts for `used`, otherwise nothing, or the number and the wait of the first charge
that does not fit."""

KEEP = f"""{_BEGIN}
renew()
for i = 2, #KEYS do
  local held = list[i - 1]
  if held == 0 then redis.call('HDEL', KEYS[i], worker) else redis.call('HSET', KEYS[i], worker, held) end
  redis.call('PEXPIRE', KEYS[i], lease * 1000)
end
return {{}}
"""
"""KEYS: the leases, the cells of slots. ARGV: this worker; the seconds of a lease; how many slots of each it holds."""
