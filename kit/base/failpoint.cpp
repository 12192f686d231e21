// SPDX-License-Identifier: Apache-2.0
#include "kit/base/failpoint.hpp"

#ifdef KIT_FAILPOINTS

#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>

namespace kit::failpoint {
namespace {

enum class Action : std::uint8_t { exit, kill, error, delay };

struct Point {
  Action action = Action::error;
  int argument = 0;
  double probability = 1;
  std::uint64_t most = UINT64_MAX;
  std::uint64_t skip = 0;
  std::uint64_t acted = 0;
};
using Points = std::map<std::string, Point, std::less<>>;

template <class T>
bool read(std::string_view text, T& value) {
  const char* const end = text.data() + text.size();
  const auto done = std::from_chars(text.data(), end, value);
  return done.ec == std::errc() && done.ptr == end && !text.empty();
}

/// Takes what stands before `separator` off the front.
std::string_view next(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view first = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return first;
}

bool read_action(std::string_view text, Point& point) {
  std::string_view argument = text;
  const std::string_view word = next(argument, '(');
  if (!argument.empty()) {
    if (!argument.ends_with(')')) return false;
    argument.remove_suffix(1);
    if (!read(argument, point.argument) || point.argument < 0) return false;
  }
  const bool has_argument = !argument.empty();
  if (word == "exit" && has_argument)
    point.action = Action::exit;
  else if (word == "delay" && has_argument)
    point.action = Action::delay;
  else if (word == "kill" && !has_argument)
    point.action = Action::kill;
  else if (word == "error" && !has_argument)
    point.action = Action::error;
  else
    return false;
  return true;
}

bool read_condition(std::string_view text, Point& point) {
  std::string_view value = text;
  const std::string_view word = next(value, '=');
  if (word == "p")
    return read(value, point.probability) && point.probability >= 0 && point.probability <= 1;
  if (word == "n") return read(value, point.most);
  if (word == "skip") return read(value, point.skip);
  return false;
}

Result<Points> parse(std::string_view text) {
  Points points;
  while (!text.empty()) {
    std::string_view entry = next(text, ';');
    if (entry.empty()) continue;
    const std::string whole(entry);
    const std::string name(next(entry, '='));
    Point point;
    bool good = !name.empty() && read_action(next(entry, ':'), point);
    while (good && !entry.empty()) good = read_condition(next(entry, ':'), point);
    if (!good) {
      return Error(Code::invalid_argument,
                   "KIT_FAILPOINTS: '" + whole +
                       "' is not name=action[:p=0.1][:n=3][:skip=2] with the "
                       "action exit(status), kill, error or delay(ms)");
    }
    points.insert_or_assign(name, point);
  }
  return points;
}

struct State {
  std::atomic<bool> is_used{false};  // most programs of a test build are told nothing
  std::mutex mutex;
  Points points;
  std::mt19937_64 random;
};

/// Reads the environment with the first use.
State& state() {
  static State* const only = [] {
    auto* made = new State;
    const char* const text = std::getenv("KIT_FAILPOINTS");
    const char* const seed = std::getenv("KIT_FAILPOINTS_SEED");
    auto points = parse(text != nullptr ? text : "");
    if (!points) {
      std::fprintf(stderr, "%s\n", points.error().message().c_str());
      std::_Exit(2);
    }
    made->points = std::move(*points);
    made->is_used.store(!made->points.empty());
    made->random.seed(seed != nullptr ? std::strtoull(seed, nullptr, 10) : std::random_device()());
    return made;
  }();
  return *only;
}

/// What to do at this visit; null: go on.
const Point* visit(State& all, std::string_view name) {
  const auto found = all.points.find(name);
  if (found == all.points.end()) return nullptr;
  Point& point = found->second;
  if (point.skip > 0) {
    --point.skip;
    return nullptr;
  }
  if (point.acted >= point.most) return nullptr;
  if (point.probability < 1 && std::uniform_real_distribution<>()(all.random) >= point.probability)
    return nullptr;
  ++point.acted;
  return &point;
}

}  // namespace

Result<> hit(std::string_view name) {
  State& all = state();
  if (!all.is_used.load(std::memory_order_relaxed)) return {};
  Point point;
  {
    const std::lock_guard lock(all.mutex);
    const Point* const acting = visit(all, name);
    if (acting == nullptr) return {};
    point = *acting;
  }
  switch (point.action) {
    case Action::exit:
      ::_exit(point.argument);
    case Action::kill:
      (void)::raise(SIGKILL);
      break;
    case Action::delay:
      std::this_thread::sleep_for(std::chrono::milliseconds(point.argument));
      break;
    case Action::error:
      return Error(Code::unavailable, "failpoint " + std::string(name)).with_reason("FAILPOINT");
  }
  return {};
}

Result<> configure(std::string_view text, std::uint64_t seed) {
  auto points = parse(text);
  if (!points) return std::move(points).error();
  State& all = state();
  const std::lock_guard lock(all.mutex);
  all.points = std::move(*points);
  all.is_used.store(!all.points.empty());
  all.random.seed(seed);
  return {};
}

std::uint64_t count(std::string_view name) {
  State& all = state();
  const std::lock_guard lock(all.mutex);
  const auto found = all.points.find(name);
  return found == all.points.end() ? 0 : found->second.acted;
}

}  // namespace kit::failpoint

#endif
