// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kit/async/intrusive_list.hpp"
#include "kit/base/function.hpp"
#include "kit/base/time.hpp"

namespace kit {

class Loop;

/// A call at a later time. Stops by itself when destroyed. Thread safety: its loop's thread.
class Timer {
 public:
  Timer() = default;
  Timer(void (*action)(void*), void* argument) : action_(action), argument_(argument) {}
  ~Timer() { stop(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void set_action(void (*action)(void*), void* argument) {
    action_ = action;
    argument_ = argument;
  }
  bool armed() const { return loop_ != nullptr; }
  Clock::time_point at() const { return at_; }
  void stop();

 private:
  friend class Loop;
  void (*action_)(void*) = nullptr;
  void* argument_ = nullptr;
  Loop* loop_ = nullptr;
  std::size_t index_ = 0;
  Clock::time_point at_{};
};

/// A call in this turn of the loop, after the code that runs now: how one coroutine wakes another
/// without growing the stack. Leaves the queue by itself when destroyed.
class Ready : public ListNode<struct ReadyTag> {
 protected:
  ~Ready() = default;

 private:
  friend class Loop;
  virtual void on_ready() = 0;
};

/// What can be read and written on a watched descriptor.
struct Readiness {
  bool readable = false;
  bool writable = false;
  bool hung_up = false;  ///< The peer closed its side or the descriptor failed; reading says which.
};

/// Receives the readiness of one descriptor.
class ReadinessHandler {
 public:
  virtual void on_readiness(Readiness readiness) = 0;

 protected:
  ~ReadinessHandler() = default;
};

/// A way to a loop that may end first: for other threads that answer a task later. Thread safety:
/// any thread; copies lead to the same loop.
class LoopRemote {
 public:
  /// Leads nowhere.
  LoopRemote() = default;
  /// As `Loop::post`. False when the loop is gone; `action` is then dropped here.
  bool post(Function<void()> action) const;

 private:
  friend class Loop;
  struct State;
  std::shared_ptr<State> state_;
};

/// What belongs to a loop and has to let go of it in time, such as pooled connections. Leaves the
/// list by itself when destroyed.
class LoopEnd : public ListNode<struct LoopEndTag> {
 protected:
  ~LoopEnd() = default;

 private:
  friend class Loop;
  /// The loop is being destroyed, on whatever thread does that: nothing runs on it any more, but
  /// `remove` still works. May destroy this.
  virtual void on_loop_end() = 0;
};

/// The seam below everything that waits: one event loop, run by one thread. Two implementations:
/// epoll, and the virtual clock of the tests (`kit/testing`). Thread safety: everything but `post`
/// and `stop` belongs to the thread that calls `run`.
class Loop {
 public:
  Loop() = default;
  virtual ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// The loop of this thread. Asserts that there is one.
  static Loop& current();
  static Loop* current_or_null();

  /// Watches `descriptor` for changes of readiness (edge triggered) until `remove`.
  virtual void add(int descriptor, ReadinessHandler& handler) = 0;
  virtual void remove(int descriptor) = 0;
  /// The time of this turn; one reading of the clock serves all events of a turn.
  virtual Clock::time_point now() const = 0;
  /// How long this turn lasts already; of a virtual clock nothing passes meanwhile.
  virtual Clock::duration age_of_turn() const { return Clock::duration::zero(); }
  /// Runs `action` on this loop's thread, soon. Thread safety: any thread, while the loop lives.
  virtual void post(Function<void()> action) = 0;
  /// Serves events until `stop`. Makes itself `current()` for its thread.
  virtual void run() = 0;
  /// Thread safety: any thread.
  virtual void stop() = 0;

  /// Arms `timer` (again) for `at`. Cost: O(log timers).
  void start(Timer& timer, Clock::time_point at);
  void schedule(Ready& ready) { ready_.push_back(ready); }
  /// Tells `end` when this loop ends.
  void attach(LoopEnd& end) { ends_.push_back(end); }
  std::size_t timer_count() const { return timers_.size(); }
  /// For threads that may answer when this loop is gone.
  LoopRemote remote();

 protected:
  /// Makes a loop `current()` for the time of a `run`.
  class Running {
   public:
    explicit Running(Loop& loop);
    ~Running();

   private:
    Loop* before_;
  };

  /// Cuts the remotes off and tells the `LoopEnd`s; what a derived destructor does first, since
  /// they call its `post` and `remove`.
  void close_remotes();

  bool has_ready() const { return !ready_.empty(); }
  /// Runs what is ready now; what becomes ready meanwhile waits for the next turn, so that events
  /// get their turn.
  void run_ready();
  /// When the first timer is due; time_point::max() when there is none.
  Clock::time_point next_timer() const;
  void run_timers(Clock::time_point now);

 private:
  friend class Timer;
  void erase(Timer& timer);
  void place(std::size_t index, Timer* timer);
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);

  LoopRemote remote_;
  std::vector<Timer*> timers_;  // a binary heap; each timer knows its index
  IntrusiveList<Ready, struct ReadyTag> ready_;
  IntrusiveList<LoopEnd, struct LoopEndTag> ends_;
};

}  // namespace kit
