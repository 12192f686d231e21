// SPDX-License-Identifier: Apache-2.0
#include "kit/cache/local_store.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <unordered_map>

#include "kit/async/intrusive_list.hpp"
#include "kit/async/operation.hpp"

namespace kit::cache {
namespace {

/// With fewer entries a part would be too small to be fair.
constexpr std::size_t least_shard_entries = 64;

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
};
template <class T>
using ByKey = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

}  // namespace

/// Kept under a key: a value, or why it could not be loaded.
struct LocalStore::Entry : ListNode<struct EntryTag> {
  std::string_view key;  // that of the map
  Value value;
  std::shared_ptr<const Error> error;
  std::size_t bytes = 0;
  Clock::time_point fresh_until{};
};

/// One who waits for a flight, wherever that is. `waiting` belongs to the thread of `loop`, which
/// sets it in the turn in which the seat was taken.
struct LocalStore::Seat {
  LoopRemote loop = Loop::current().remote();
  Wait* waiting = nullptr;
};

/// A load on its way. It is found by its key for as long as what it brings may be kept: it is the
/// generation of the key. Guarded by its shard's mutex.
struct LocalStore::Flight {
  std::shared_ptr<Shard> shard;
  std::string key;
  std::deque<std::shared_ptr<Seat>> seats;
};

struct LocalStore::Shard {
  std::mutex mutex;
  LocalOptions options;  // its part of the sizes
  ByKey<Entry> entries;
  ByKey<std::shared_ptr<Flight>> flights;
  IntrusiveList<Entry, struct EntryTag> by_use;  // the least recently used first
  LocalFigures figures;
  std::minstd_rand random{std::random_device()()};

  // With the mutex held.
  Entry* find(std::string_view key);
  void use(Entry& entry);
  void erase(Entry& entry);
  void keep(const std::string& key, const Result<Loaded>& loaded, Clock::time_point now);
  Clock::duration time_to_live(const Result<Loaded>& loaded);
};

LocalStore::Entry* LocalStore::Shard::find(std::string_view key) {
  const auto found = entries.find(key);
  return found == entries.end() ? nullptr : &found->second;
}

void LocalStore::Shard::use(Entry& entry) {
  entry.unlink();
  by_use.push_back(entry);
}

void LocalStore::Shard::erase(Entry& entry) {
  figures.bytes -= entry.bytes;
  entries.erase(entries.find(entry.key));
}

Clock::duration LocalStore::Shard::time_to_live(const Result<Loaded>& loaded) {
  const Clock::duration whole = !loaded                    ? options.error_time_to_live
                                : loaded->value != nullptr ? options.time_to_live
                                                           : options.negative_time_to_live;
  std::uniform_real_distribution<double> part(0, options.jitter);
  return whole - std::chrono::duration_cast<Clock::duration>(whole * part(random));
}

void LocalStore::Shard::keep(const std::string& key, const Result<Loaded>& loaded,
                             Clock::time_point now) {
  const Clock::duration time = time_to_live(loaded);
  // What is there and may be given while it is old stays when a load brought nothing better.
  if (!loaded && time.count() <= 0) return;
  if (Entry* const old = find(key)) erase(*old);
  const std::size_t bytes = key.size() + sizeof(Entry) + (loaded ? loaded->bytes : 0);
  if (time.count() <= 0 || bytes > options.max_bytes || options.max_entries == 0) return;
  const auto place = entries.try_emplace(key).first;
  Entry& entry = place->second;
  entry.key = place->first;
  entry.bytes = bytes;
  entry.fresh_until = now + time;
  if (loaded) {
    entry.value = loaded->value;
  } else {
    entry.error = std::make_shared<const Error>(loaded.error().clone());
  }
  by_use.push_back(entry);
  figures.bytes += bytes;
  while (figures.bytes > options.max_bytes || entries.size() > options.max_entries) {
    erase(by_use.front());
    ++figures.evictions;
  }
}

/// The right and duty to load a key. Whoever lets go of it without an outcome (its task was
/// cancelled or dropped, or its loop has ended) hands it to the next one who waits.
class LocalStore::Lead {
 public:
  explicit Lead(std::shared_ptr<Flight> flight) : flight_(std::move(flight)) {}
  Lead(Lead&&) noexcept = default;
  Lead& operator=(Lead&&) = delete;
  ~Lead() {
    if (flight_) hand_over();
  }
  const std::string& key() const { return flight_->key; }
  void count_load();
  /// Ends the load: keeps what it brought, if it may, and tells those who wait.
  void settle(const Result<Loaded>& how);

 private:
  void hand_over();
  std::shared_ptr<Flight> flight_;
};

/// What `get` finds out, and what those who wait are told: the value, or that it is their turn.
struct LocalStore::Turn {
  explicit Turn(Value known) : value(std::move(known)) {}
  explicit Turn(Lead leading) : lead(std::move(leading)) {}
  explicit Turn(std::shared_ptr<Seat> taken) : seat(std::move(taken)) {}
  std::optional<Value> value;
  std::optional<Lead> lead;
  std::shared_ptr<Seat> seat;
  std::optional<Value> stale;  // what the one who loads has when it can't be loaded
};

class LocalStore::Wait final : public Operation<Turn> {
 public:
  explicit Wait(std::shared_ptr<Seat> seat) : seat_(std::move(seat)) {}
  ~Wait() { detach(); }

  /// On any thread: tells whoever took `seat`, if they still wait. What it is told is dropped
  /// otherwise, a `Lead` too.
  static void tell(std::shared_ptr<Seat> seat, Result<Turn> how) {
    const LoopRemote loop = seat->loop;
    Function<void()> action = [seat = std::move(seat), how = std::move(how)]() mutable {
      if (seat->waiting != nullptr) seat->waiting->end(std::move(how));
    };
    // False: that loop has ended, and nobody waits there any more.
    (void)loop.post(std::move(action));
  }

 private:
  void start() override { seat_->waiting = this; }
  void detach() override { seat_->waiting = nullptr; }
  void end(Result<Turn> how) {
    detach();
    if (!how) return fail(std::move(how).error());
    succeed(std::move(how).value());
  }
  std::shared_ptr<Seat> seat_;
};

void LocalStore::Lead::count_load() {
  const std::lock_guard lock(flight_->shard->mutex);
  ++flight_->shard->figures.loads;
}

void LocalStore::Lead::settle(const Result<Loaded>& how) {
  const std::shared_ptr<Flight> flight = std::move(flight_);
  Shard& shard = *flight->shard;
  std::deque<std::shared_ptr<Seat>> seats;
  {
    const std::lock_guard lock(shard.mutex);
    seats.swap(flight->seats);
    if (!how) ++shard.figures.failures;
    const auto found = shard.flights.find(flight->key);
    if (found != shard.flights.end() && found->second == flight) {
      shard.flights.erase(found);
      shard.keep(flight->key, how, Loop::current().now());
    } else {
      ++shard.figures.discarded;
    }
  }
  for (std::shared_ptr<Seat>& seat : seats) {
    Result<Turn> told = how ? Result<Turn>(Turn(how->value)) : Result<Turn>(how.error().clone());
    Wait::tell(std::move(seat), std::move(told));
  }
}

void LocalStore::Lead::hand_over() {
  Shard& shard = *flight_->shard;
  std::shared_ptr<Seat> next;
  {
    const std::lock_guard lock(shard.mutex);
    if (flight_->seats.empty()) {
      const auto found = shard.flights.find(flight_->key);
      if (found != shard.flights.end() && found->second == flight_) shard.flights.erase(found);
      return;
    }
    next = std::move(flight_->seats.front());
    flight_->seats.pop_front();
  }
  Wait::tell(std::move(next), Turn(Lead(std::move(flight_))));
}

LocalStore::LocalStore(const LocalOptions& options) {
  const std::size_t most = std::max<std::size_t>(1, options.max_entries / least_shard_entries);
  const std::size_t shards = std::clamp<std::size_t>(options.shards, 1, most);
  for (std::size_t i = 0; i < shards; ++i) {
    auto shard = std::make_shared<Shard>();
    shard->options = options;
    shard->options.max_entries = options.max_entries / shards;
    shard->options.max_bytes = options.max_bytes / shards;
    shards_.push_back(std::move(shard));
  }
}

LocalStore::~LocalStore() = default;

const std::shared_ptr<LocalStore::Shard>& LocalStore::shard_of(std::string_view key) const {
  // Other bits than those that the maps use first.
  const std::size_t hash = Hash()(key);
  return shards_[(hash >> 40) % shards_.size()];
}

std::optional<LocalStore::Value> LocalStore::find(std::string_view key, Clock::time_point now) {
  Shard& shard = *shard_of(key);
  const std::lock_guard lock(shard.mutex);
  Entry* const entry = shard.find(key);
  if (entry == nullptr || entry->error != nullptr || entry->fresh_until <= now) return std::nullopt;
  ++shard.figures.hits;
  shard.use(*entry);
  return entry->value;
}

Result<LocalStore::Turn> LocalStore::ask(std::string key) const {
  const std::shared_ptr<Shard>& shard = shard_of(key);
  const Clock::time_point now = Loop::current().now();
  const std::lock_guard lock(shard->mutex);
  const auto flying = shard->flights.find(key);
  std::optional<Value> stale;
  if (Entry* const entry = shard->find(key)) {
    const bool fresh = entry->fresh_until > now;
    if (fresh && entry->error != nullptr) {
      ++shard->figures.hits;
      return entry->error->clone();
    }
    if (!fresh && entry->error == nullptr && now - entry->fresh_until < shard->options.stale_for) {
      stale = entry->value;
    }
    if (fresh || (stale && flying != shard->flights.end())) {
      ++shard->figures.hits;
      if (!fresh) ++shard->figures.stale;
      shard->use(*entry);
      return Turn(entry->value);
    }
  }
  ++shard->figures.misses;
  if (flying != shard->flights.end()) {
    auto seat = std::make_shared<Seat>();
    flying->second->seats.push_back(seat);
    return Turn(std::move(seat));
  }
  auto flight = std::make_shared<Flight>(shard, key);
  shard->flights.emplace(std::move(key), flight);
  Turn turn{Lead(std::move(flight))};
  turn.stale = std::move(stale);
  return turn;
}

Task<LocalStore::Value> LocalStore::get(std::string key, Load load) {
  Turn turn = co_await ask(std::move(key));
  if (turn.value) co_return std::move(*turn.value);
  if (turn.seat) {
    Wait wait(std::move(turn.seat));
    Turn told = co_await wait;
    if (told.value) co_return std::move(*told.value);
    turn.lead.emplace(std::move(*told.lead));
  }
  turn.lead->count_load();
  Task<Loaded> loading = load();
  const Result<Loaded> loaded = co_await as_result(std::move(loading));
  const Context* const context = Context::current();
  const bool gave_up = !loaded && context != nullptr && context->cancelled();
  // One that gave up says nothing about the value: the next one tries.
  if (!gave_up) turn.lead->settle(loaded);
  if (loaded) co_return loaded->value;
  if (!gave_up && turn.stale) co_return std::move(*turn.stale);
  co_return loaded.error().clone();
}

void LocalStore::invalidate(std::string_view key) {
  Shard& shard = *shard_of(key);
  const std::lock_guard lock(shard.mutex);
  ++shard.figures.invalidations;
  if (Entry* const entry = shard.find(key)) shard.erase(*entry);
  const auto flying = shard.flights.find(key);
  if (flying != shard.flights.end()) shard.flights.erase(flying);
}

void LocalStore::clear() {
  for (const std::shared_ptr<Shard>& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    shard->figures.invalidations += shard->entries.size();
    shard->figures.bytes = 0;
    shard->entries.clear();
    shard->flights.clear();
  }
}

LocalFigures LocalStore::figures() const {
  LocalFigures sum;
  for (const std::shared_ptr<Shard>& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    const LocalFigures& part = shard->figures;
    sum.hits += part.hits;
    sum.misses += part.misses;
    sum.loads += part.loads;
    sum.failures += part.failures;
    sum.stale += part.stale;
    sum.discarded += part.discarded;
    sum.evictions += part.evictions;
    sum.invalidations += part.invalidations;
    sum.entries += shard->entries.size();
    sum.bytes += part.bytes;
  }
  return sum;
}

}  // namespace kit::cache
