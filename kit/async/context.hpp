// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "kit/async/intrusive_list.hpp"
#include "kit/async/loop.hpp"
#include "kit/base/caller.hpp"
#include "kit/base/context.hpp"
#include "kit/base/error.hpp"
#include "kit/base/time.hpp"

namespace kit {

class Context;

/// Something that a context ends when it is cancelled: an operation that waits, or a context below.
class Cancellable : public ListNode<struct CancelTag> {
 protected:
  ~Cancellable() = default;

 private:
  friend class Context;
  /// Called once, on the loop's thread. Must not resume a coroutine before it returns.
  virtual void on_cancel(const Error& why) = 0;
};

/// What a tree of tasks inherits without passing it on: the deadline, cancellation, whom it works
/// for and what its log lines carry. Thread safety: one loop's thread. Lifetime: longer than every
/// task started under it; it is owned by whoever started the tree (a connection, a task group,
/// `with_deadline`).
class Context final : private Cancellable {
 public:
  /// Under the current context, whose deadline and log context it inherits.
  Context();
  /// As above, with a deadline of its own if that is sooner. The timer is armed only when the
  /// deadline is sooner.
  explicit Context(Clock::time_point deadline);
  /// Outside the current one: inherits what log lines carry and whom it works for, but neither
  /// deadline nor cancellation.
  /// For work that has to be finished although its task was cancelled.
  struct Detached {};
  explicit Context(Detached);
  ~Context();

  /// The context of the task that runs now, or null.
  static Context* current();
  /// The deadline of the task that runs now; time_point::max() when there is none.
  static Clock::time_point current_deadline();

  Clock::time_point deadline() const { return deadline_; }
  /// States a deadline that the owner keeps itself, by `cancel`: no timer is armed here. Before
  /// anything waits under it.
  void set_deadline(Clock::time_point deadline) { deadline_ = deadline; }
  /// As it was when it was made, for owners that use one for a task after the other. Nothing may
  /// wait under it.
  void renew() {
    deadline_ = Clock::time_point::max();
    log_ = nullptr;
    locals_ = nullptr;
    caller_ = nullptr;
    if (why_) why_.reset();
  }
  /// Ends every operation that waits under this context with `why`; later ones end at once. The
  /// first call counts.
  void cancel(Error why);
  bool cancelled() const { return why_.has_value(); }
  /// Why it was cancelled. Only when `cancelled()`.
  const Error& why() const { return *why_; }

  /// A value that the tasks under a context find without having been handed it, by the address of a
  /// key that its module owns. Lifetime: as the context it is put into.
  struct Local {
    const void* key = nullptr;
    void* value = nullptr;
    const Local* outer = nullptr;
  };
  /// Before anything runs under this context; what the contexts above carry stays to be found.
  void put(Local& local) {
    local.outer = locals_;
    locals_ = &local;
  }
  /// The value that the task that runs now inherits for `key`; null when there is none.
  static void* find_local(const void* key);

  void set_log_context(const LogContext* log) { log_ = log; }
  const LogContext* log_context() const { return log_; }

  /// Before the context is entered. Lifetime: `caller` is the context's.
  void set_caller(const Caller* caller) { caller_ = caller; }
  const Caller* caller() const { return caller_; }

  /// Called by operations when they begin to wait.
  void attach(Cancellable& item) { waiting_.push_back(item); }

  /// Makes `context` (may be null) the current one for a block of ordinary code, and restores the
  /// one before.
  class Entry {
   public:
    explicit Entry(Context* context);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    Context* before_;
  };

  /// The same for a stretch of a coroutine, which may end in another turn of the loop than it began
  /// in, or be dropped while other tasks run: it restores only what it set itself, which is why the
  /// context must be its own.
  class Scope {
   public:
    explicit Scope(Context& own);
    ~Scope() { leave(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    void leave();

   private:
    Context* entered_;
    Context* before_;
    bool inside_ = true;
  };

 private:
  void on_cancel(const Error& why) override;

  Clock::time_point deadline_ = Clock::time_point::max();
  const LogContext* log_ = nullptr;
  const Local* locals_ = nullptr;
  const Caller* caller_ = nullptr;
  IntrusiveList<Cancellable, struct CancelTag> waiting_;
  std::optional<Error> why_;
  Timer timer_;
};

/// Everything that the coroutine which has this calls until `leave` finds `value` under `key` (see
/// `Context::Local`). Lifetime: `value` outlives this.
class LocalScope {
 public:
  LocalScope(const void* key, void* value) : local_{key, value}, scope_(prepared()) {}
  void leave() { scope_.leave(); }

 private:
  Context& prepared() {
    context_.put(local_);
    return context_;
  }

  Context::Local local_;
  Context context_;
  Context::Scope scope_;
};

}  // namespace kit
