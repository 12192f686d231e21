// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "kit/base/per_shard.hpp"
#include "kit/base/time.hpp"
#include "kit/security/identity.hpp"

namespace kit::security {

/// What of a subject's credentials still counts.
struct SubjectRule {
  /// Nothing of the subject is taken, API keys and certificates too.
  bool disabled = false;
  /// Tokens of an earlier version (`Identity::token_version`) are refused.
  std::int64_t min_token_version = 0;
  /// For tokens that say no version, as those of other issuers: refused when they were issued
  /// before, or do not say when. Zero: refused when there is a `min_token_version`.
  Timestamp issued_from{};
  /// Of two rules the later one counts, in whatever order they are heard.
  std::int64_t revision = 0;
  /// When the rule may be forgotten: the last token it refuses has expired then.
  Timestamp until{std::chrono::microseconds::max()};
};

struct RevocationOptions {
  /// Rules with an end (`until`) that has not come. With one more, every token that was issued
  /// before then is refused, and these rules are forgotten: none is lost. Rules without an end,
  /// which stand for rows of a database, are not bounded.
  std::size_t max_entries = 100'000;
};

/// Which credentials no longer count although they have not expired. Asked for each request, told
/// by events and by what is read from the database. Thread safety: any thread; asking takes no lock
/// (but for threads past the 15th). Cost: asking some 20 ns.
class RevocationList {
 public:
  explicit RevocationList(RevocationOptions options = {});
  ~RevocationList();

  /// Whether it is refused at `now`.
  bool refuses(const Identity& identity, Timestamp now) const;

  /// Sets the rule of a subject, unless a later one is there.
  void set_subject(std::string_view subject, const SubjectRule& rule, Timestamp now);
  /// Refuses the token with this id, or the API key, until `until`.
  void revoke_token(std::string_view token_id, Timestamp until, Timestamp now);
  /// Refuses every token issued before `instant`, whoever has it.
  void refuse_issued_before(Timestamp instant);

  std::size_t size() const;
  /// How often `max_entries` was reached.
  std::uint64_t overflows() const { return overflows_.load(std::memory_order_relaxed); }

 private:
  struct Slot;
  struct Table;
  struct Values;
  struct View {
    std::uint64_t version = 0;
    std::shared_ptr<const Table> table;
  };
  bool refuses(const Table& table, const Identity& identity, std::int64_t now) const;
  void set(std::uint64_t fingerprint, const Values& values, Timestamp now);
  void make_room(Timestamp now);

  const RevocationOptions options_;
  mutable std::mutex mutex_;  // guards writing, and the pointer
  std::shared_ptr<Table> table_;
  std::atomic<std::uint64_t> version_{1};  // of the pointer
  std::atomic<std::int64_t> issued_floor_;
  std::atomic<std::uint64_t> overflows_{0};
  mutable kit::detail::PerShard<View> views_;
};

}  // namespace kit::security
