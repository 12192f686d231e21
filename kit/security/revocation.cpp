// SPDX-License-Identifier: Apache-2.0
#include "kit/security/revocation.hpp"

#include <bit>
#include <limits>
#include <vector>

#include "kit/security/fingerprint.hpp"

namespace kit::security {
namespace {

/// As `min_version`: whatever it is. No token has it, see detail/claims.cpp.
constexpr std::int64_t everything = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t no_time = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t for_ever = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t smallest_table = 256;

std::int64_t stored(Timestamp time) {
  return time.since_epoch.count();
}

}  // namespace

struct RevocationList::Values {
  std::int64_t min_version = 0;
  std::int64_t issued_from = no_time;
  std::int64_t until = 0;
  std::int64_t revision = 0;
};

/// What a fingerprint stands for. Written under the lock, read without: a slot that is taken stays
/// that fingerprint's for as long as the table lives.
struct RevocationList::Slot {
  std::atomic<std::uint64_t> fingerprint{0};
  std::atomic<std::int64_t> min_version{0};
  std::atomic<std::int64_t> issued_from{no_time};
  std::atomic<std::int64_t> until{0};
  std::int64_t revision = 0;  // only under the lock

  void write(const Values& values) {
    min_version.store(values.min_version, std::memory_order_relaxed);
    issued_from.store(values.issued_from, std::memory_order_relaxed);
    until.store(values.until, std::memory_order_relaxed);
    revision = values.revision;
  }
  Values values() const {
    return {min_version.load(std::memory_order_relaxed),
            issued_from.load(std::memory_order_relaxed), until.load(std::memory_order_relaxed),
            revision};
  }
};

/// Open addressing, at most half full: a search looks at two or three slots.
struct RevocationList::Table {
  explicit Table(std::size_t wanted)
      : slots(std::bit_ceil(std::max(2 * wanted, smallest_table))),
        first(slots.data()),
        mask(slots.size() - 1) {}

  const Slot* find(std::uint64_t fingerprint) const {
    for (std::size_t at = fingerprint & mask;; at = (at + 1) & mask) {
      const std::uint64_t there = first[at].fingerprint.load(std::memory_order_acquire);
      if (there == fingerprint) return &first[at];
      if (there == 0) return nullptr;
    }
  }
  void add(std::uint64_t fingerprint, const Values& values) {
    std::size_t at = fingerprint & mask;
    while (first[at].fingerprint.load(std::memory_order_relaxed) != 0) at = (at + 1) & mask;
    first[at].write(values);
    first[at].fingerprint.store(fingerprint, std::memory_order_release);
    ++used;
    if (values.until != for_ever) ++expiring;
  }
  bool is_full() const { return used + 1 > slots.size() / 2; }

  std::vector<Slot> slots;
  Slot* const first;
  const std::size_t mask;
  std::size_t used = 0;
  std::size_t expiring = 0;  // of those, that have an end
};

RevocationList::RevocationList(RevocationOptions options)
    : options_(options), table_(std::make_shared<Table>(smallest_table)), issued_floor_(no_time) {}

RevocationList::~RevocationList() = default;

bool RevocationList::refuses(const Identity& identity, Timestamp now) const {
  const std::int64_t floor = issued_floor_.load(std::memory_order_relaxed);
  if (floor != no_time && identity.kind == IdentityKind::token &&
      (!identity.issued_at || stored(*identity.issued_at) < floor))
    return true;
  return views_.with([&](View& view) {
    const std::uint64_t version = version_.load(std::memory_order_acquire);
    if (view.version != version) [[unlikely]] {
      const std::lock_guard lock(mutex_);
      view.table = table_;
      view.version = version;
    }
    return refuses(*view.table, identity, stored(now));
  });
}

bool RevocationList::refuses(const Table& table, const Identity& identity, std::int64_t now) const {
  if (identity.token_fingerprint != 0) {
    const Slot* const slot = table.find(identity.token_fingerprint);
    if (slot != nullptr && now < slot->until.load(std::memory_order_relaxed)) return true;
  }
  if (identity.subject_fingerprint == 0) return false;
  const Slot* const slot = table.find(identity.subject_fingerprint);
  if (slot == nullptr || now >= slot->until.load(std::memory_order_relaxed)) return false;
  const std::int64_t min_version = slot->min_version.load(std::memory_order_relaxed);
  if (min_version == everything) return true;
  if (identity.kind != IdentityKind::token) return false;
  if (identity.token_version) return *identity.token_version < min_version;
  const std::int64_t issued_from = slot->issued_from.load(std::memory_order_relaxed);
  if (issued_from == no_time) return min_version > 0;
  return !identity.issued_at || stored(*identity.issued_at) < issued_from;
}

void RevocationList::set_subject(std::string_view subject, const SubjectRule& rule, Timestamp now) {
  Values values;
  values.min_version = rule.disabled ? everything : rule.min_token_version;
  if (rule.issued_from != Timestamp{}) values.issued_from = stored(rule.issued_from);
  values.until = stored(rule.until);
  values.revision = rule.revision;
  set(fingerprint(subject), values, now);
}

void RevocationList::revoke_token(std::string_view token_id, Timestamp until, Timestamp now) {
  Identity of_token;
  of_token.token_id = token_id;
  of_token.seal();
  set(of_token.token_fingerprint, {everything, no_time, stored(until), 0}, now);
}

void RevocationList::refuse_issued_before(Timestamp instant) {
  std::int64_t before = issued_floor_.load(std::memory_order_relaxed);
  while (before < stored(instant) &&
         !issued_floor_.compare_exchange_weak(before, stored(instant), std::memory_order_relaxed)) {
  }
}

void RevocationList::set(std::uint64_t fingerprint, const Values& values, Timestamp now) {
  if (fingerprint == 0) return;
  const std::lock_guard lock(mutex_);
  if (const Slot* const found = table_->find(fingerprint)) {
    if (values.revision < found->revision) return;
    const_cast<Slot*>(found)->write(values);
    return;
  }
  if (values.until <= stored(now)) return;
  const bool is_one_too_many = values.until != for_ever && table_->expiring >= options_.max_entries;
  if (table_->is_full() || is_one_too_many) make_room(now);
  table_->add(fingerprint, values);
}

/// A new table with what still counts; readers go on with the old one until they look.
void RevocationList::make_room(Timestamp now) {
  const auto counts = [&](const Slot& slot) {
    return slot.fingerprint.load(std::memory_order_relaxed) != 0 &&
           slot.until.load(std::memory_order_relaxed) > stored(now);
  };
  std::size_t kept = 0;
  std::size_t expiring = 0;
  for (const Slot& slot : table_->slots) {
    if (!counts(slot)) continue;
    ++kept;
    if (slot.until.load(std::memory_order_relaxed) != for_ever) ++expiring;
  }
  const bool overflows = expiring >= options_.max_entries;
  if (overflows) {
    overflows_.fetch_add(1, std::memory_order_relaxed);
    refuse_issued_before(now);
  }
  auto next = std::make_shared<Table>(2 * kept);
  for (const Slot& slot : table_->slots) {
    if (!counts(slot)) continue;
    const Values values = slot.values();
    // Those without an end are of disabled subjects and API keys, where no date of issue helps.
    if (!overflows || values.until == for_ever)
      next->add(slot.fingerprint.load(std::memory_order_relaxed), values);
  }
  table_ = std::move(next);
  version_.fetch_add(1, std::memory_order_release);
}

std::size_t RevocationList::size() const {
  const std::lock_guard lock(mutex_);
  return table_->used;
}

}  // namespace kit::security
