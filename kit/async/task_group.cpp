// SPDX-License-Identifier: Apache-2.0
#include "kit/async/task_group.hpp"

#include <list>
#include <optional>

#include "kit/async/operation.hpp"

namespace kit {

struct TaskGroup::State {
  struct Child {
    State* state;
    Task<> task;
    std::list<Child>::iterator place;
  };
  class Join;

  explicit State(std::string_view group_name) : name(group_name) {}

  Child* spawn(Task<> task);
  void finished(Child& child) {
    Result<> result = child.task.take();
    children.erase(child.place);
    if (!result.ok() && !error) {
      error = std::move(result).error();
      context.cancel(Error(Code::cancelled, "another task of group '" + name + "' failed"));
    }
    if (children.empty()) wake();
  }
  void wake();

  std::string name;
  Context context;
  std::list<Child> children;
  std::optional<Error> error;
  Join* joining = nullptr;
};

/// Waits for the last child. Cancelling the waiter cancels the children (they are below its
/// context) and then still waits for them: structured means nobody is left behind.
class TaskGroup::State::Join final : public Operation<void> {
 public:
  explicit Join(State& state) : state_(state) {}
  ~Join() { detach(); }
  void wake() {
    detach();
    succeed();
  }

 private:
  void start() override {
    if (state_.children.empty()) {
      succeed();
    } else {
      state_.joining = this;
    }
  }
  void detach() override {
    if (state_.joining == this) state_.joining = nullptr;
  }
  State& state_;
};

void TaskGroup::State::wake() {
  if (joining != nullptr) joining->wake();
}

TaskGroup::TaskGroup(std::string_view name) : state_(std::make_unique<State>(name)) {}
TaskGroup::~TaskGroup() = default;

void TaskGroup::spawn(Task<> task) {
  state_->spawn(std::move(task));
}

void TaskGroup::spawn(std::string_view name, Task<> task) {
  State::Child* child = state_->spawn(std::move(task));
  if (child != nullptr) child->task.list_as(state_->name + ": " + std::string(name));
}

/// The child, unless it has ended already.
TaskGroup::State::Child* TaskGroup::State::spawn(Task<> task) {
  children.push_front({this, std::move(task), {}});
  Child& child = children.front();
  child.place = children.begin();
  Context::Entry entry(&context);
  const bool ended = child.task.start(
      [](void* argument) {
        auto* done = static_cast<Child*>(argument);
        done->state->finished(*done);
      },
      &child, name);
  if (!ended) return &child;
  finished(child);
  return nullptr;
}

void TaskGroup::cancel() {
  state_->context.cancel(Error(Code::cancelled, "task group '" + state_->name + "' was cancelled"));
}

Task<> TaskGroup::join() {
  State& state = *state_;
  while (!state.children.empty()) {
    Result<> woken = co_await as_result(State::Join(state));
    if (!woken.ok()) {
      // This task was cancelled. So are its children, which need not be below the context that was,
      // that of a deadline for instance; wait for them outside the cancelled context.
      state.context.cancel(woken.error().clone());
      Context outside{Context::Detached{}};
      Context::Scope scope(outside);
      if (!state.children.empty()) co_await State::Join(state);
      if (!state.error) state.error = std::move(woken).error();
    }
  }
  if (state.error) co_await std::move(*state.error);
}

const std::string& TaskGroup::name() const {
  return state_->name;
}
std::size_t TaskGroup::size() const {
  return state_->children.size();
}

}  // namespace kit
