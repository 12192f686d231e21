// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/adapters/redis/streams.hpp"

namespace kit::redis::detail {

struct StreamCounts {
  std::atomic<std::uint64_t> published{0}, full{0}, received{0}, redelivered{0}, acquired{0},
      lost{0}, removed{0};
};

/// What a queue and its consumers share.
struct StreamShared {
  StreamShared(std::shared_ptr<Client> redis, StreamOptions given)
      : client(std::move(redis)), options(std::move(given)) {}
  const std::shared_ptr<Client> client;
  const StreamOptions options;
  StreamCounts counts;
};

/// An entry's "time-count", in their order.
struct StreamId {
  std::uint64_t time = 0;
  std::uint64_t count = 0;
  friend auto operator<=>(const StreamId&, const StreamId&) = default;
  static std::optional<StreamId> parse(std::string_view text);
  std::string to_string() const;
};

/// A stream that a consumer may read.
struct StreamPart {
  struct Out {
    std::string key;
    Clock::time_point until{};
  };

  std::string topic;
  int number = 0;
  std::string stream;
  std::string lease;
  std::uint64_t calls = 0;  ///< The number of the last one.
  bool owned = false;
  bool leaving = false;  ///< Another member is to have it: nothing new is read.
  /// A call had no answer: what it read is pending, but not known.
  bool unsure = false;
  std::string after = ">";  ///< What is read next; an id: what is pending behind it.
  Clock::time_point pass_began{};
  std::map<StreamId, Out> out;  ///< Delivered and not acknowledged.

  bool in_pass() const { return owned && after != ">"; }
  /// Begins to look through what is pending, when it is time.
  void begin_pass(Clock::time_point now);
  void end_pass();
  /// Of `out`, what does not come again at `now`: it is not due, and nothing before it of its key.
  /// All else is due from now on.
  std::vector<std::string> not_due(Clock::time_point now);
  void forget();
};

/// One topic of a consumer.
struct StreamTopic {
  std::string name;
  std::string members;
  int first = 0;  ///< Of its parts.
  int partitions = 0;
};

class StreamConsumer final : public queue::Consumer {
 public:
  /// The streams are there, and know the group.
  StreamConsumer(std::shared_ptr<StreamShared> shared, std::string group,
                 std::vector<StreamTopic> topics, std::vector<StreamPart> parts);

  Task<std::vector<queue::Delivery>> receive(std::size_t limit,
                                             std::chrono::milliseconds wait) override;
  Task<> acknowledge(std::span<const queue::Delivery> deliveries) override;
  Task<> close() override;

 private:
  /// Says that this member is there, and takes or gives up streams so that each member has its
  /// share.
  Task<> balance();
  Task<> share(const StreamTopic* topic);
  Task<> give_up(StreamPart* part);
  /// What all streams have, as far as there is room.
  Task<> read_all(std::size_t limit, std::vector<queue::Delivery>* out);
  /// Reads a stream: what is pending, or new; with a limit of 0 it only takes or keeps it. False:
  /// another member has it.
  Task<bool> read(StreamPart* part, std::size_t limit, std::vector<queue::Delivery>* out);
  Task<> note_taken(StreamPart* part, const Reply* taken);
  Result<> add_entries(StreamPart& part, const Reply& taken, std::vector<queue::Delivery>& out);
  void lose(StreamPart& part);
  bool in_pass() const;
  std::size_t held() const;
  Clock::time_point next_due() const;
  /// For a moment, which gets longer while nothing comes; at most until `until`.
  Task<> rest(Clock::time_point until);
  std::string lease_ms() const;

  const std::shared_ptr<StreamShared> shared_;
  const std::string group_;
  const std::string member_;
  std::vector<StreamTopic> topics_;
  std::vector<StreamPart> parts_;
  std::size_t turn_ = 0;
  Clock::time_point balance_at_{};
  Clock::duration rest_{};
  bool closed_ = false;
};

}  // namespace kit::redis::detail
