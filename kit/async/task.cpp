// SPDX-License-Identifier: Apache-2.0
#include "kit/async/task.hpp"

#include <exception>
#include <string>
#include <utility>

namespace kit::detail {

Error error_from_current_exception() {
  try {
    throw;
  } catch (const std::exception& failure) {
    return Error(Code::internal, std::string("an exception escaped a task: ") + failure.what());
  } catch (...) {
    return Error(Code::internal, "an exception of unknown type escaped a task");
  }
}

void PromiseBase::fail(PromiseBase* task, Error&& why) {
  task->error = std::move(why);
  finish(task);
}

void PromiseBase::go_on(PromiseBase* task) {
  while (true) {
    PromiseBase* parent = task->parent;
    if (parent == nullptr) {
      if (task->on_root_finish != nullptr) task->on_root_finish(task->root);
      return;
    }
    if (!task->error || !task->propagate) {
      parent->self.resume();
      return;
    }
    // The error ends the parent where it waits.
    parent->error = std::move(task->error);
    parent->finished = true;
    if (!parent->asynchronous) return;
    task = parent;
  }
}

}  // namespace kit::detail
