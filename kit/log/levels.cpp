// SPDX-License-Identifier: Apache-2.0
#include "kit/log/levels.hpp"

#include <algorithm>
#include <mutex>
#include <string>

#include "kit/base/text.hpp"
#include "kit/log/detail/backend.hpp"
#include "kit/log/detail/module_list.hpp"

namespace kit::log {
namespace {

// Modules are made while other files are still being initialised: everything they touch is
// constant-initialised.
constinit std::mutex modules_mutex;
constinit Module* first_module = nullptr;
constinit Level default_level = Level::info;

constexpr std::uint64_t pack(Repeats repeats) {
  return std::uint64_t{repeats.first} << 32U | repeats.one_in;
}

constexpr Repeats unpack(std::uint64_t packed) {
  return {static_cast<std::uint32_t>(packed >> 32U), static_cast<std::uint32_t>(packed)};
}

}  // namespace

/// What may look into modules; all under `modules_mutex`.
struct ModuleList {
  static void add(Module& module) {
    module.next_ = first_module;
    first_module = &module;
  }
  static Module* next(const Module& module) { return module.next_; }

  static void set(Module& module, Level level, bool own) {
    if (module.kind() == Module::Kind::audit) level = std::min(level, Level::info);
    if (own) module.has_own_level_ = true;
    if (!own && module.has_own_level_) return;
    module.usual_ = level;
    if (!module.is_changed_) apply(module, level);
  }
  static void change(Module& module, Level level, Clock::time_point until) {
    if (module.kind() == Module::Kind::audit) level = std::min(level, Level::info);
    module.is_changed_ = true;
    module.until_ = until;
    apply(module, level);
  }
  /// When what was changed for a while ends; nothing: it has, or is not.
  static std::optional<Clock::time_point> expire(Module& module, Clock::time_point now) {
    if (!module.is_changed_) return std::nullopt;
    if (now < module.until_) return module.until_;
    module.is_changed_ = false;
    apply(module, module.usual_);
    return std::nullopt;
  }
  static ModuleState state(const Module& module) {
    ModuleState state{.name = module.name(),
                      .is_audit = module.kind() == Module::Kind::audit,
                      .level = module.level(),
                      .usual = module.usual_,
                      .until = std::nullopt,
                      .repeats = repeats(module)};
    if (module.is_changed_) state.until = module.until_;
    return state;
  }
  static Repeats repeats(const Module& module) {
    return unpack(module.repeats_.load(std::memory_order_relaxed));
  }
  static void set_repeats(Module& module, Repeats repeats) {
    if (module.kind() == Module::Kind::audit) return;
    module.repeats_.store(pack(repeats), std::memory_order_relaxed);
  }

 private:
  static void apply(Module& module, Level level) {
    module.level_.store(level, std::memory_order_relaxed);
  }
};

namespace {

/// Calls `use` for every module; under the lock.
template <class F>
void each_module(F use) {
  for (Module* module = first_module; module != nullptr; module = ModuleList::next(*module)) {
    use(*module);
  }
}

/// Calls `use` for the modules of a name, or all with "*".
template <class F>
Result<> each_of(std::string_view wanted, F use) {
  const std::lock_guard lock(modules_mutex);
  bool found = wanted == "*";
  std::vector<std::string_view> names;
  each_module([&](Module& module) {
    names.push_back(module.name());
    if (wanted != "*" && module.name() != wanted) return;
    use(module);
    found = true;
  });
  if (found) return {};
  return Error(Code::not_found, "there is no log module '" + std::string(wanted) + "'" +
                                    did_you_mean(wanted, names));
}

/// Fails where `level` would silence what is always written.
Result<> check_audit(std::string_view wanted, Level level) {
  bool is_audit = false;
  KIT_TRY(each_of(wanted, [&](const Module& module) {
    is_audit = is_audit || module.kind() == Module::Kind::audit;
  }));
  if (!is_audit || wanted == "*" || level <= Level::info) return {};
  return Error(Code::invalid_argument, "the log module '" + std::string(wanted) +
                                           "' is always written: its level is info or lower");
}

}  // namespace

Module::Module(std::string_view name, Kind kind)
    : name_(name),
      kind_(kind),
      level_(Level::info),
      repeats_(pack(kind == Kind::audit ? Repeats{.first = 0, .one_in = 1} : Repeats())) {
  const std::lock_guard lock(modules_mutex);
  ModuleList::set(*this, default_level, false);
  ModuleList::add(*this);
}

void set_level(Level level) {
  const std::lock_guard lock(modules_mutex);
  default_level = level;
  each_module([&](Module& module) { ModuleList::set(module, level, false); });
}

Result<> check_level(std::string_view module, Level level) {
  if (module == "*") return Error(Code::not_found, "there is no log module '*'");
  return check_audit(module, level);
}

Result<> set_level(std::string_view module, Level level) {
  KIT_TRY(check_level(module, level));
  return each_of(module, [&](Module& known) { ModuleList::set(known, level, true); });
}

Result<> set_level_for(std::string_view module, Level level, Clock::duration duration,
                       Clock::time_point now) {
  KIT_TRY(check_audit(module, level));
  KIT_TRY(each_of(module, [&](Module& known) {
    ModuleList::change(known, level, now + duration);
    ModuleList::expire(known, now);
  }));
  detail::Backend::instance().levels_changed();
  return {};
}

std::optional<Clock::time_point> expire_levels(Clock::time_point now) {
  std::optional<Clock::time_point> next;
  const std::lock_guard lock(modules_mutex);
  each_module([&](Module& module) {
    const auto until = ModuleList::expire(module, now);
    if (until && (!next || *until < *next)) next = until;
  });
  return next;
}

Result<> set_repeats(std::string_view module, Repeats repeats) {
  return each_of(module, [&](Module& known) { ModuleList::set_repeats(known, repeats); });
}

Repeats repeats_of(const Module& module) {
  return ModuleList::repeats(module);
}

std::vector<const Module*> modules() {
  std::vector<const Module*> all;
  {
    const std::lock_guard lock(modules_mutex);
    each_module([&](const Module& module) { all.push_back(&module); });
  }
  std::ranges::sort(all, {}, &Module::name);
  return all;
}

std::vector<ModuleState> module_states() {
  std::vector<ModuleState> all;
  {
    const std::lock_guard lock(modules_mutex);
    each_module([&](const Module& module) { all.push_back(ModuleList::state(module)); });
  }
  std::ranges::sort(all, {}, &ModuleState::name);
  return all;
}

}  // namespace kit::log
