// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <vector>

#include "kit/async/operation.hpp"

namespace kit::http::detail {

/// Lets one task at a time do something that takes several turns of the loop:
///
///     while (!turn.take()) co_await turn.changed();
///
/// Whoever took it gives it back by `leave`. Not a queue: waiting tasks may overtake each other.
class Turn {
 public:
  class Changed final : public Operation<void> {
   public:
    explicit Changed(Turn& turn) : turn_(turn) {}
    ~Changed() { detach(); }

   private:
    friend class Turn;
    void start() override { turn_.waiting_.push_back(this); }
    void detach() override { std::erase(turn_.waiting_, this); }
    void wake() { succeed(); }
    Turn& turn_;
  };

  bool take() { return taken_ ? false : (taken_ = true); }
  void leave() {
    taken_ = false;
    for (Changed* waiting : std::exchange(waiting_, {})) waiting->wake();
  }
  Changed changed() { return Changed(*this); }

  /// Gives the turn back when a task ends, also by being dropped where it stands.
  class Holder {
   public:
    explicit Holder(Turn& turn) : turn_(turn) {}
    ~Holder() { turn_.leave(); }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;

   private:
    Turn& turn_;
  };

 private:
  bool taken_ = false;
  std::vector<Changed*> waiting_;
};

}  // namespace kit::http::detail
