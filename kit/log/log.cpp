// SPDX-License-Identifier: Apache-2.0
#include "kit/log/log.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <string>

#include "kit/base/text.hpp"
#include "kit/base/time.hpp"
#include "kit/log/detail/backend.hpp"

namespace kit::log {
namespace {

constexpr std::array<std::string_view, 6> level_names = {"trace", "debug", "info",
                                                         "warn",  "error", "off"};

// Modules are made while other files are still being initialised: everything they touch is
// constant-initialised.
constinit std::mutex modules_mutex;
constinit Module* first_module = nullptr;
constinit Level default_level = Level::info;

}  // namespace

std::string_view name(Level level) {
  return level_names[static_cast<std::size_t>(level)];
}

std::optional<Level> parse_level(std::string_view text) {
  auto found = std::ranges::find(level_names, text);
  if (found == level_names.end()) return std::nullopt;
  return static_cast<Level>(found - level_names.begin());
}

/// What may look into modules; all under `modules_mutex`.
struct ModuleList {
  static void add(Module& module) {
    module.next_ = first_module;
    first_module = &module;
  }
  static Module* next(const Module& module) { return module.next_; }
  static void set(Module& module, Level level, bool own) {
    if (own) module.has_own_level_ = true;
    if (own || !module.has_own_level_) module.level_.store(level, std::memory_order_relaxed);
  }
};

Module::Module(std::string_view name) : name_(name), level_(Level::info) {
  std::lock_guard lock(modules_mutex);
  level_.store(default_level, std::memory_order_relaxed);
  ModuleList::add(*this);
}

void set_level(Level level) {
  std::lock_guard lock(modules_mutex);
  default_level = level;
  for (Module* module = first_module; module != nullptr; module = ModuleList::next(*module)) {
    ModuleList::set(*module, level, false);
  }
}

Result<> set_level(std::string_view module, Level level) {
  std::vector<std::string_view> names;
  for (const Module* known : modules()) names.push_back(known->name());
  std::lock_guard lock(modules_mutex);
  bool found = false;
  for (Module* known = first_module; known != nullptr; known = ModuleList::next(*known)) {
    if (known->name() != module) continue;
    ModuleList::set(*known, level, true);
    found = true;
  }
  if (found) return {};
  return Error(Code::not_found, "there is no log module '" + std::string(module) + "'" +
                                    did_you_mean(module, names));
}

std::vector<const Module*> modules() {
  std::vector<const Module*> all;
  {
    std::lock_guard lock(modules_mutex);
    for (Module* module = first_module; module != nullptr; module = ModuleList::next(*module)) {
      all.push_back(module);
    }
  }
  std::ranges::sort(all, {}, &Module::name);
  return all;
}

void write(const Module& module, Level level, std::string_view message, Fields fields) {
  // Made before the queue of the thread and therefore destroyed after it: good until the thread is
  // ending.
  thread_local std::string reused;
  std::string last;
  std::string& line = detail::Backend::thread_is_ending() ? last : reused;
  detail::Backend& backend = detail::Backend::instance();
  const std::int64_t now = Timestamp::now().since_epoch.count();
  line.clear();
  detail::render(line, backend.style(),
                 {now, level, module.name(), message, current_log_context, fields});
  backend.submit(now, line);
}

}  // namespace kit::log
