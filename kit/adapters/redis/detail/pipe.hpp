// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/adapters/redis/detail/link.hpp"
#include "kit/adapters/redis/detail/resp.hpp"
#include "kit/adapters/redis/detail/shared.hpp"
#include "kit/async/operation.hpp"

namespace kit::redis::detail {

class Node;
class Pipe;

/// Commands of one task that wait for their replies, in one piece and in order on one connection.
/// Fails with `unavailable` when the connection is lost, `resource_exhausted` when too many wait.
/// Cancellation: the replies are skipped. Lifetime: the commands until it has ended.
class Call final : public Operation<void>, public ListNode<struct CallTag> {
 public:
  using Commands = std::span<const std::span<const std::string_view>>;

  Call(std::shared_ptr<Node> node, Commands commands);
  ~Call() { detach(); }

  /// Once it has succeeded, one for each command.
  std::vector<Reply> replies{};
  /// It failed, but nothing of it had been sent.
  bool was_unsent = false;

 private:
  friend class Node;
  friend class Pipe;
  void start() override;
  void detach() override;
  void take(Reply reply);
  void lose(const Error& why, bool unsent);
  /// Nobody will ever answer, and no loop runs that could tell the task.
  void orphan() { pipe_ = nullptr; }

  std::shared_ptr<Node> node_;
  Commands commands_;
  Pipe* pipe_ = nullptr;     // which it was sent on
  std::uint64_t first_ = 0;  // of its replies on that
  Clock::time_point begun_{};
};

/// A connection that the tasks of a thread share. What they send in one turn of the loop is written
/// together in the next. Thread safety: its loop's thread.
class Pipe final : public std::enable_shared_from_this<Pipe>,
                   private ReadinessHandler,
                   private Ready {
 public:
  Pipe(Node& node, Link& link);
  ~Pipe();

  /// From now on it reads; may break at once.
  void begin();
  bool has_room(std::size_t count) const;
  /// Commands that wait for replies.
  std::size_t load() const { return waiting_.size(); }
  void send(Call& call);
  void abandon(Call& call);
  /// The connection can't be used any more: what waits fails, and the node lets go of it.
  void break_off(const Error& why);
  /// As above, when nothing waits, and without telling the node.
  void close();

 private:
  /// Who waits for a reply; null: it is skipped.
  struct Waiting {
    Call* call;
    std::uint64_t begins_at;  // in everything that was ever written
    Clock::time_point since;
  };

  void on_readiness(Readiness readiness) override;
  void on_ready() override;
  void flush();
  void drop_sent();
  void read();
  void take(std::string_view input);
  void take_reply(Reply reply);
  void check_answers();
  Clock::time_point due() const;

  Node* node_;  // null once it is broken
  const std::unique_ptr<OpenConnection> counted_;
  const RedisOptions& options_;
  std::unique_ptr<net::Stream> stream_;
  RespParser parser_;
  std::deque<Waiting> waiting_;
  std::uint64_t first_ = 0;  // the number of the first that waits
  std::string unsent_;
  std::size_t sent_ = 0;          // of `unsent_`
  std::uint64_t sent_total_ = 0;  // of everything
  std::uint64_t queued_total_ = 0;
  Clock::time_point last_read_{};
  bool has_more_ = false;  // to read, in the next turn
  Timer answers_;
};

}  // namespace kit::redis::detail
