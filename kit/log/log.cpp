// SPDX-License-Identifier: Apache-2.0
#include "kit/log/log.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "kit/base/time.hpp"
#include "kit/log/detail/backend.hpp"
#include "kit/log/detail/module_list.hpp"
#include "kit/log/detail/repeats.hpp"
#include "kit/log/levels.hpp"

namespace kit::log {
namespace {

constexpr std::array<std::string_view, 6> level_names = {"trace", "debug", "info",
                                                         "warn",  "error", "off"};

// Modules log while other files are still being initialised: this is constant-initialised.
constinit detail::RepeatTable repeat_table;

void render_and_queue(detail::Record record) {
  // Made before the queue of the thread and therefore destroyed after it: good until the thread is
  // ending.
  thread_local std::string reused;
  std::string last;
  std::string& line = detail::Backend::thread_is_ending() ? last : reused;
  detail::Backend& backend = detail::Backend::instance();
  line.clear();
  detail::render(line, backend.style(), record);
  backend.submit(record.time_us, line);
}

std::int64_t now_us() {
  return Timestamp::now().since_epoch.count();
}

}  // namespace

std::string_view name(Level level) {
  return level_names[static_cast<std::size_t>(level)];
}

std::optional<Level> parse_level(std::string_view text) {
  auto found = std::ranges::find(level_names, text);
  if (found == level_names.end()) return std::nullopt;
  return static_cast<Level>(found - level_names.begin());
}

void write(const Module& module, Level level, std::string_view message, Fields fields) {
  render_and_queue({now_us(), level, module.name(), message, current_log_context, fields});
}

void write_unless_repeated(const Module& module, Level level, std::string_view message,
                           Fields fields) {
  const std::int64_t now = now_us();
  Repeats repeats = repeats_of(module);
  if (level >= Level::error) repeats.first = std::max(repeats.first, Repeats::least_errors);
  const detail::RepeatTable::Decision decision =
      repeat_table.decide(&module, message, now / 1'000'000, repeats.first, repeats.one_in);
  if (!decision.is_written) return;
  render_and_queue(
      {now, level, module.name(), message, current_log_context, fields, decision.left_out});
}

std::uint64_t left_out_lines() {
  return repeat_table.left_out();
}

}  // namespace kit::log
