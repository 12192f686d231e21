// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "kit/adapters/redis/detail/login.hpp"
#include "kit/adapters/redis/detail/pipe.hpp"

namespace kit::redis::detail {

class Lease;
class SessionWait;

/// The connections of one thread to one server: those that its tasks share, and those that one task
/// has to itself. After a failed connect tasks fail at once for a while that doubles each time.
/// Thread safety: its loop's thread.
class Node : public std::enable_shared_from_this<Node> {
 public:
  /// `follows_sentinels`: who it is is asked before each connect; `address` is for messages then.
  struct Kind {
    bool follows_sentinels = false;
    bool is_replica = false;
  };
  Node(Thread& thread, Address address, Kind kind);
  ~Node();

  const Address& address() const { return address_; }
  Shared& shared() const { return *shared_; }
  const std::shared_ptr<Shared>& shared_ptr() const { return shared_; }
  Thread& thread() const { return *thread_; }

  /// Sends it when there is a connection with room, or lets it wait for one.
  void submit(Call& call);
  /// It does not wait for a connection any more.
  void leave(Call& call);
  /// Sends what waits, as far as there is room.
  void pump();
  /// A shared connection has ended.
  void forget(Pipe& pipe, const Error& why);
  /// It takes no writes any more: somebody else may be who does.
  void note_read_only(Pipe& pipe);
  /// It gets no new commands; those that wait for answers get them.
  void retire(Pipe& pipe);
  /// New commands go on new connections; those that wait for answers get them.
  void renew();
  /// Everything that waits fails.
  void close(const Error& why);

  enum class Fresh : std::uint8_t { no, yes };
  /// A connection for one task, with `Fresh::yes` a new one. Fails with `resource_exhausted`
  /// (REDIS_SESSIONS_EXHAUSTED, REDIS_QUEUE_FULL), and as `open`.
  Task<std::unique_ptr<Lease>> lease(Fresh fresh = Fresh::no);
  /// Whether nobody uses it.
  bool is_idle() const;
  /// A new connection, which is not counted among the leases.
  Task<std::unique_ptr<Link>> open();

 private:
  friend class Lease;
  friend class SessionWait;
  struct Opening;

  Pipe* roomy_pipe(std::size_t count) const;
  std::size_t open_count() const { return pipes_.size() + (opening_ != nullptr ? 1 : 0); }
  bool may_open() const;
  void begin_open();
  void opened();
  void note_failure(const Error& why);
  void give_place_back();
  std::unique_ptr<Link> take_idle();
  void give_back(std::unique_ptr<Link> link);
  void sweep();

  Thread* thread_;  // null once it is closed
  const std::shared_ptr<Shared> shared_;
  const Address address_;
  const Kind kind_;
  std::vector<std::shared_ptr<Pipe>> pipes_;
  std::vector<std::shared_ptr<Pipe>> retired_;  // until their last answer
  std::unique_ptr<Opening> opening_;
  IntrusiveList<Call, CallTag> waiting_;
  std::size_t waiting_count_ = 0;
  std::size_t failures_ = 0;  // in a row
  Clock::time_point not_before_{};
  std::optional<Error> last_failure_;
  std::size_t sessions_ = 0;  // places that are taken
  std::size_t session_waiting_count_ = 0;
  IntrusiveList<SessionWait, struct SessionTag> session_waiting_;
  std::vector<std::unique_ptr<Link>> idle_;  // used last at the end
  Timer sweep_timer_;
};

/// A connection that one task has. It goes back when this ends, or is closed when it may be in a
/// state. Thread safety: its loop's thread.
class Lease {
 public:
  /// Has one of the node's places.
  explicit Lease(std::shared_ptr<Node> node);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  Link& link() { return *link_; }
  const std::shared_ptr<Node>& node() const { return node_; }
  /// Nobody else uses it after this.
  void retire() { is_retired_ = true; }
  /// Keeps count of what the command leaves on the connection.
  void note(std::span<const std::string_view> words);

 private:
  friend class Node;
  std::shared_ptr<Node> node_;
  std::shared_ptr<ListedCounter> listed_;
  std::unique_ptr<Link> link_;
  bool is_retired_ = false;
  bool in_transaction_ = false;
};

}  // namespace kit::redis::detail
