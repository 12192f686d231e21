// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "kit/async/signal.hpp"
#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/base/time.hpp"
#include "kit/security/identity.hpp"
#include "kit/security/key_store.hpp"

namespace kit::security {

class JwtVerifier;

/// Gives the text of an issuer's key set, each time anew. It bounds what it reads itself:
/// `max_key_set_bytes` is enough.
using FetchKeys = Function<Task<std::string>()>;

struct RemoteKeysOptions {
  /// How old keys get before they are looked for again.
  std::chrono::seconds refresh_interval{300};
  /// From the begin of one fetch to that of the next, whoever asks for it and whatever became of
  /// it: tokens with unknown keys are no flood for the issuer.
  std::chrono::seconds min_interval{10};
  /// Of one fetch.
  std::chrono::milliseconds timeout{5'000};
};

/// How the keys are, for people who look.
struct RemoteKeysStatus {
  std::uint64_t fetches = 0;
  std::uint64_t failures = 0;
  std::optional<Timestamp> fetched_at{};  ///< The last time that went well.
  std::string problem{};                  ///< Of the last time; empty: it went well.
};

/// Keeps a `KeyStore` as the issuer has it: looks each `refresh_interval`, and when a token has a
/// key that is not known. What went wrong leaves the keys as they were. One loop fetches for all
/// threads, one fetch at a time. Thread safety: any thread, but for `run`. Lifetime: longer than
/// its tasks.
class RemoteKeys {
 public:
  RemoteKeys(FetchKeys fetch, std::shared_ptr<KeyStore> store, RemoteKeysOptions options = {});

  /// Fetches until it is cancelled; the first time at once. Once only.
  Task<> run();
  /// Waits for a fetch that ends after this was called, for a token with an unknown key. False: one
  /// began too short a time ago, or nobody runs `run`; then it does not wait.
  Task<bool> fetch_again();
  /// Counts from the next wait on. Thread safety: any thread.
  void apply(RemoteKeysOptions options);

  RemoteKeysStatus status() const;

 private:
  Task<> fetch_once();
  Result<> take(std::string_view text);
  void note(Result<> result);
  RemoteKeysOptions options() const;
  bool may_fetch(Clock::time_point now) const;

  FetchKeys fetch_;
  const std::shared_ptr<KeyStore> store_;
  Signal wanted_;
  Signal fetched_;
  std::atomic<bool> runs_{false};
  mutable std::mutex mutex_;  // guards the following
  RemoteKeysOptions options_;
  RemoteKeysStatus status_;
  bool is_fetching_ = false;
  std::optional<Clock::time_point> begun_;  // the last fetch
};

/// As `JwtVerifier::verify`; a token with an unknown key waits for the issuer's current keys, when
/// it is time to ask for them. `keys` may be null. Lifetime: `token` until the task has ended.
Task<std::shared_ptr<const Identity>> verify(const JwtVerifier& verifier, RemoteKeys* keys,
                                             std::string_view token, Timestamp now);

}  // namespace kit::security
