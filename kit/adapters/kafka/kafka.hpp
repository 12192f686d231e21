// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "kit/base/result.hpp"
#include "kit/base/secret.hpp"
#include "kit/queue/queue.hpp"

namespace kit::kafka {

struct KafkaOptions {
  /// `kafka://user:password@host:port,host2:port2/?tls=verify-full&sasl=scram-sha-512`. Parameters:
  /// `tls` (`verify-full` or `disable`; the default is `verify-full`, and `disable` where all hosts
  /// are this machine), `sasl` (`plain`, `scram-sha-256` or `scram-sha-512`, the default where
  /// there is a user) and `client-id`. Nothing else can be said here; files are options below.
  Secret<std::string> dsn{};
  std::string ca_file;  ///< PEM; empty: the system's.
  std::string certificate_file;
  std::string key_file;
  Secret<std::string> key_password{};
  /// Messages that the brokers have not confirmed, and their bytes; who publishes beyond them
  /// waits.
  std::size_t most_pending = 10'000;
  std::size_t most_pending_bytes = 64 * 1'048'576;
  /// How long `publish` waits at most, and how long nothing may be confirmed before what is under
  /// way is given up.
  std::chrono::milliseconds publish_limit{30'000};
  std::chrono::milliseconds linger{1};  ///< How long a message waits for others to go with.
  /// What one consumer may hold, delivered and not acknowledged; nothing is received beyond it.
  std::size_t most_held = 1'000;
  std::size_t most_held_bytes = 64 * 1'048'576;
  /// A delivery that is not acknowledged for so long comes again.
  std::chrono::milliseconds redeliver_after{30'000};
  /// A member that is not heard of for so long is taken for dead.
  std::chrono::milliseconds session_timeout{30'000};
  /// How long an acknowledgement, leaving a group and `close` may take.
  std::chrono::milliseconds close_limit{5'000};
};

/// Since the queue was opened.
struct KafkaStats {
  std::uint64_t published = 0;    ///< Confirmed by the brokers.
  std::uint64_t refused = 0;      ///< Not, or given up.
  std::uint64_t pending = 0;      ///< Under way now.
  std::uint64_t producers = 0;    ///< Opened: 1, and one more after each that was given up.
  std::uint64_t received = 0;     ///< By consumers that are or were.
  std::uint64_t redelivered = 0;  ///< Of these, not for the first time to the same member.
  std::uint64_t revoked = 0;      ///< Partitions that went to another member.
};

/// Kafka 2.x or later, through librdkafka: an idempotent producer that all threads share, and a
/// client for each consumer. Thread safety: any thread that runs a loop. Lifetime: longer than its
/// consumers and tasks; its destructor waits until they have left, up to `close_limit`.
class KafkaQueue : public queue::Queue {
 public:
  /// For readiness probes: fails with what the brokers said last, until they take something again.
  /// Thread safety: any thread.
  virtual Result<> health() const = 0;
  virtual KafkaStats stats() const = 0;
};

/// Does not wait for the brokers: one that is down is an error of what is published, not of the
/// start. Fails with `invalid_argument` for a DSN or options that can't be right; the message does
/// not show the password.
Result<std::unique_ptr<KafkaQueue>> open(const KafkaOptions& options);

}  // namespace kit::kafka
