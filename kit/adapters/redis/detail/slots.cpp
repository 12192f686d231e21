// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/slots.hpp"

#include <algorithm>
#include <utility>

#include "kit/adapters/redis/detail/errors.hpp"
#include "kit/base/text.hpp"

namespace kit::redis::detail {
namespace {

constexpr std::array<std::uint16_t, 256> make_crc_table() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned int i = 0; i < 256; ++i) {
    unsigned int crc = i << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    table[i] = static_cast<std::uint16_t>(crc);
  }
  return table;
}
constexpr std::array<std::uint16_t, 256> crc_table = make_crc_table();

constexpr std::size_t most_shards = 1'024;

Error bad_slots(std::string_view what) {
  return protocol_error("CLUSTER SLOTS with " + std::string(what));
}

Result<Address> parse_node(const Reply& reply, const Address& asked) {
  if (reply.items().size() < 2) return bad_slots("a node without its address");
  const Reply& host = reply.items()[0];
  auto port = reply.items()[1].as_integer();
  if (!port || *port < 1 || *port > 65'535) return bad_slots("a node whose port is none");
  Address address;
  address.host = host.is_null() || host.bytes().empty() ? asked.host : host.bytes();
  address.port = static_cast<int>(*port);
  if (address.host == "?") return bad_slots("a node that does not know its host");
  return address;
}

Result<std::uint16_t> parse_slot(const Reply& reply) {
  auto number = reply.as_integer();
  if (!number || *number < 0 || *number >= static_cast<std::int64_t>(slot_count))
    return bad_slots("a slot that is none");
  return static_cast<std::uint16_t>(*number);
}

Result<> add_range(SlotMap& map, const Reply& range, const Address& asked) {
  if (range.items().size() < 3) return bad_slots("a range without nodes");
  auto first = parse_slot(range.items()[0]);
  if (!first) return std::move(first).error();
  auto last = parse_slot(range.items()[1]);
  if (!last) return std::move(last).error();
  if (*first > *last) return bad_slots("a range that ends before it begins");
  SlotMap::Shard shard;
  auto primary = parse_node(range.items()[2], asked);
  if (!primary) return std::move(primary).error();
  shard.primary = std::move(*primary);
  for (std::size_t i = 3; i < range.items().size(); ++i) {
    auto replica = parse_node(range.items()[i], asked);
    if (replica) shard.replicas.push_back(std::move(*replica));
  }
  auto found = std::ranges::find(map.shards, shard.primary, &SlotMap::Shard::primary);
  if (found == map.shards.end()) {
    if (map.shards.size() >= most_shards) return bad_slots("too many nodes");
    map.shards.push_back(std::move(shard));
    found = map.shards.end() - 1;
  }
  const auto index = static_cast<std::uint16_t>(found - map.shards.begin());
  std::fill(map.shard_of.begin() + *first, map.shard_of.begin() + *last + 1, index);
  return {};
}

}  // namespace

std::uint16_t slot_of(std::string_view key) {
  if (const std::size_t open = key.find('{'); open != key.npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != key.npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  unsigned int crc = 0;
  for (const char c : key) {
    crc = ((crc << 8) & 0xFFFF) ^ crc_table[((crc >> 8) ^ static_cast<unsigned char>(c)) & 0xFF];
  }
  return static_cast<std::uint16_t>(crc % slot_count);
}

const SlotMap::Shard* SlotMap::find(std::uint16_t slot) const {
  const std::uint16_t index = shard_of[slot];
  return index == nobody ? nullptr : &shards[index];
}

Result<SlotMap> parse_slots(const Reply& reply, const Address& asked) {
  if (reply.is_error()) return reply.to_error();
  if (reply.kind() != Reply::Kind::array) return bad_slots("something else");
  SlotMap map;
  for (const Reply& range : reply.items()) KIT_TRY(add_range(map, range, asked));
  if (map.shards.empty()) return bad_slots("nobody who has a slot");
  return map;
}

std::optional<Redirection> parse_redirection(std::string_view error, const Address& from) {
  const std::vector<std::string_view> words = split(error, ' ');
  if (words.size() < 3 || (words[0] != "MOVED" && words[0] != "ASK")) return std::nullopt;
  const auto slot = parse_int(words[1]);
  if (!slot || *slot < 0 || *slot >= static_cast<long long>(slot_count)) return std::nullopt;
  const std::size_t colon = words[2].rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_int(words[2].substr(colon + 1));
  if (!port || *port < 1 || *port > 65'535) return std::nullopt;
  Redirection redirection;
  redirection.slot = static_cast<std::uint16_t>(*slot);
  redirection.to.host = words[2].substr(0, colon);
  if (redirection.to.host.empty()) redirection.to.host = from.host;
  if (redirection.to.host == "?") return std::nullopt;
  redirection.to.port = static_cast<int>(*port);
  return redirection;
}

std::shared_ptr<const SlotMap> SlotTable::map() const {
  std::lock_guard lock(mutex_);
  return map_;
}

void SlotTable::replace(SlotMap map) {
  auto fresh = std::make_shared<const SlotMap>(std::move(map));
  std::lock_guard lock(mutex_);
  map_ = std::move(fresh);
  version_.fetch_add(1, std::memory_order_release);
}

void SlotTable::move(const Redirection& moved) {
  std::lock_guard lock(mutex_);
  in_doubt_.store(true, std::memory_order_relaxed);
  const SlotMap::Shard* known = map_->find(moved.slot);
  if (known != nullptr && known->primary == moved.to) return;
  auto fresh = std::make_shared<SlotMap>(*map_);
  auto found = std::ranges::find(fresh->shards, moved.to, &SlotMap::Shard::primary);
  if (found == fresh->shards.end()) {
    if (fresh->shards.size() >= most_shards) return;
    fresh->shards.push_back({moved.to, {}});
    found = fresh->shards.end() - 1;
  }
  fresh->shard_of[moved.slot] = static_cast<std::uint16_t>(found - fresh->shards.begin());
  map_ = std::move(fresh);
  version_.fetch_add(1, std::memory_order_release);
}

bool SlotTable::begin_refresh(Clock::time_point now) {
  if (!in_doubt_.load(std::memory_order_relaxed)) return false;
  std::lock_guard lock(mutex_);
  if (refreshing_) return false;
  if (last_refresh_ && now - *last_refresh_ < std::chrono::seconds(1)) return false;
  last_refresh_ = now;
  refreshing_ = true;
  in_doubt_.store(false, std::memory_order_relaxed);
  return true;
}

void SlotTable::end_refresh(std::optional<Error> why) {
  std::vector<Function<void()>> waiting;
  {
    std::lock_guard lock(mutex_);
    refreshing_ = false;
    if (why) in_doubt_.store(true, std::memory_order_relaxed);
    last_failure_ = std::move(why);
    waiting.swap(waiting_);
  }
  for (auto& tell : waiting) tell();
}

bool SlotTable::when_refreshed(Function<void()> tell) {
  std::lock_guard lock(mutex_);
  if (refreshing_) waiting_.push_back(std::move(tell));
  return refreshing_;
}

Error SlotTable::last_failure() const {
  std::lock_guard lock(mutex_);
  if (last_failure_) return last_failure_->clone();
  return Error(Code::unavailable, "nobody was asked for the slots yet");
}

std::vector<Address> SlotTable::whom_to_ask() {
  std::lock_guard lock(mutex_);
  std::vector<Address> all;
  for (const SlotMap::Shard& shard : map_->shards) {
    all.push_back(shard.primary);
    all.insert(all.end(), shard.replicas.begin(), shard.replicas.end());
  }
  for (const Address& seed : seeds_) {
    if (std::ranges::find(all, seed) == all.end()) all.push_back(seed);
  }
  std::ranges::rotate(all, all.begin() + static_cast<std::ptrdiff_t>(next_++ % all.size()));
  return all;
}

}  // namespace kit::redis::detail
