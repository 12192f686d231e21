// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mysql.h>

#include "kit/async/operation.hpp"

namespace kit::mysql::detail {

/// The socket of a connection on a loop, with what is known of its readiness: edges that came while
/// nobody waited are remembered. Watches a duplicate of the descriptor: the library closes its own
/// whenever it finds an error, and another socket may have the number by then.
class SocketWatch final : private ReadinessHandler {
 public:
  class Waiter {
   public:
    virtual void on_events(int events) = 0;

   protected:
    ~Waiter() = default;
  };

  SocketWatch() = default;
  ~SocketWatch() { detach(); }
  SocketWatch(const SocketWatch&) = delete;
  SocketWatch& operator=(const SocketWatch&) = delete;

  /// Fails with `unavailable` when the library has closed the socket, or no descriptor is left.
  Result<> attach(int descriptor);
  void detach();
  /// Those of `wanted` that came meanwhile; 0: none, and `waiter` is told of the next ones.
  int wait(int wanted, Waiter& waiter);
  void forget() { waiter_ = nullptr; }

 private:
  void on_readiness(Readiness readiness) override;

  Loop* loop_ = nullptr;
  int descriptor_ = -1;
  int ready_ = 0;
  int wanted_ = 0;
  Waiter* waiter_ = nullptr;
};

/// What a call does to its connection when it can't be waited for.
class Interruptible {
 public:
  /// Makes reads and writes fail from now on.
  virtual void interrupt() = 0;

 protected:
  ~Interruptible() = default;
};

/// One call of the client library, which stops wherever it would wait for the socket and goes on
/// when that is ready. Fails with `deadline_exceeded` at `until`. Cancellation: the connection is
/// interrupted and of no use any more.
class Call : public Operation<void>, private SocketWatch::Waiter {
 protected:
  Call(SocketWatch& watch, Interruptible& connection, Clock::time_point until)
      : watch_(watch), connection_(connection), until_(until) {}
  ~Call() = default;

  virtual int begin_call() = 0;
  virtual int go_on(int events) = 0;
  /// What a derived destructor does first.
  void abandon();

 private:
  void start() override;
  void detach() override { abandon(); }
  void on_events(int events) override;
  /// Goes on until the library waits for something that is not there yet; true when it is done.
  bool advance();
  void expire();

  SocketWatch& watch_;
  Interruptible& connection_;
  Clock::time_point until_;
  Timer timer_;
  int wanted_ = 0;  // not 0: the library is in the middle of the call
};

/// `Begin` is `int()`, `GoOn` is `int(int events)`: the `_start` and `_cont` of the library.
/// Lifetime: what they write to is declared before the call.
template <class Begin, class GoOn>
class LibraryCall final : public Call {
 public:
  LibraryCall(SocketWatch& watch, Interruptible& connection, Clock::time_point until, Begin& begin,
              GoOn& go_on)
      : Call(watch, connection, until), begin_(begin), go_on_(go_on) {}
  ~LibraryCall() { abandon(); }

 private:
  int begin_call() override { return begin_(); }
  int go_on(int events) override { return go_on_(events); }

  Begin& begin_;
  GoOn& go_on_;
};

}  // namespace kit::mysql::detail
