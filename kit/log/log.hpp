// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "kit/base/error.hpp"
#include "kit/base/id.hpp"
#include "kit/base/secret.hpp"
#include "kit/base/time.hpp"
#include "kit/log/key.hpp"

/// Structured logging. A line is rendered on the calling thread, queued without a lock and written
/// by a thread of its own:
///
///     inline log::Module http_log{"http"};
///     log::info(http_log, "listening", {{"address", address}, {"port", port}});
///
/// Each line has time (UTC, microseconds), level, module, message, then trace_id, span_id,
/// request_id and user of the work this thread is doing (`kit::current_log_context`), then the
/// fields. What repeats a hundred times a second is left out for the most part, and the next line
/// of that text says how many were (`left_out`); `write` is for what must not be.
/// Secrets are "***": values of type `Secret`, and every field whose name says it is one (password,
/// token, authorization, cookie, dsn, *_key ...). Control and bidirectional characters are escaped,
/// so that no input can forge a line. A full queue drops the newest line and counts it; a later
/// line says how many were lost. Thread safety: everything here, from any thread. Cost: some 200 ns
/// a line, about 1 ns when its level is off.
namespace kit::log {

enum class Level : std::uint8_t { trace, debug, info, warn, error, off };

std::string_view name(Level level);  ///< "info"
std::optional<Level> parse_level(std::string_view text);

/// What a field can hold; borrowed for the length of the call.
class Value {
 public:
  enum class Kind : std::uint8_t { null, boolean, int64, uint64, float64, text, duration, error };

  Value(std::nullptr_t) : kind_(Kind::null), data_{.int64 = 0} {}
  Value(std::same_as<bool> auto value) : kind_(Kind::boolean), data_{.int64 = value ? 1 : 0} {}
  Value(std::signed_integral auto value) : kind_(Kind::int64), data_{.int64 = value} {}
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  Value(T value) : kind_(Kind::uint64), data_{.uint64 = value} {}
  Value(double value) : kind_(Kind::float64), data_{.float64 = value} {}
  Value(std::string_view value) : kind_(Kind::text), data_{.text = value} {}
  Value(const std::string& value) : kind_(Kind::text), data_{.text = value} {}
  Value(const char* value) : kind_(Kind::text), data_{.text = value} {}
  /// JSON shows seconds as a number, the console the best fitting unit.
  template <class Rep, class Period>
  Value(std::chrono::duration<Rep, Period> value)
      : kind_(Kind::duration),
        data_{.int64 = std::chrono::duration_cast<std::chrono::nanoseconds>(value).count()} {}
  /// `Error::describe()`.
  Value(const Error& value) : kind_(Kind::error), data_{.error = &value} {}
  template <class T>
  Value(const Secret<T>&) : kind_(Kind::text), data_{.text = hidden_secret} {}
  template <class Tag, class Rep>
  Value(const Id<Tag, Rep>& id) : Value(id.value()) {}

  Kind kind() const { return kind_; }
  bool boolean() const { return data_.int64 != 0; }
  std::int64_t int64() const { return data_.int64; }
  std::uint64_t uint64() const { return data_.uint64; }
  double float64() const { return data_.float64; }
  std::string_view text() const { return data_.text; }
  std::chrono::nanoseconds duration() const { return std::chrono::nanoseconds{data_.int64}; }
  const Error& error() const { return *data_.error; }

 private:
  union Data {
    std::int64_t int64;
    std::uint64_t uint64;
    double float64;
    std::string_view text;
    const Error* error;
  };
  Kind kind_;
  Data data_;
};

struct Field {
  Key key;
  Value value;
};

/// A part of the program with a level of its own; lives as long as the program: `inline log::Module
/// db_log{"db"};`.
class Module {
 public:
  enum class Kind : std::uint8_t {
    normal,
    audit,  ///< Always written, see audit.hpp.
  };

  explicit Module(std::string_view name, Kind kind = Kind::normal);
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  std::string_view name() const { return name_; }
  Kind kind() const { return kind_; }
  Level level() const { return level_.load(std::memory_order_relaxed); }
  bool enabled(Level level) const { return level >= this->level(); }

 private:
  friend struct ModuleList;
  std::string_view name_;
  Kind kind_;
  std::atomic<Level> level_;
  Level usual_ = Level::info;
  bool has_own_level_ = false;
  bool is_changed_ = false;  // for a while, until until_
  Clock::time_point until_{};
  std::atomic<std::uint64_t> repeats_;  // first, then one_in
  Module* next_ = nullptr;
};

/// All modules of the program, by name. Their levels: levels.hpp.
std::vector<const Module*> modules();

using Fields = std::initializer_list<Field>;

/// Renders and queues a line without looking at the level, and whether it repeats.
void write(const Module& module, Level level, std::string_view message, Fields fields);
/// The same for what is left out when it repeats too often.
void write_unless_repeated(const Module& module, Level level, std::string_view message,
                           Fields fields);

inline void log(const Module& module, Level level, std::string_view message, Fields fields = {}) {
  if (module.enabled(level)) write_unless_repeated(module, level, message, fields);
}
inline void trace(const Module& module, std::string_view message, Fields fields = {}) {
  log(module, Level::trace, message, fields);
}
inline void debug(const Module& module, std::string_view message, Fields fields = {}) {
  log(module, Level::debug, message, fields);
}
inline void info(const Module& module, std::string_view message, Fields fields = {}) {
  log(module, Level::info, message, fields);
}
inline void warn(const Module& module, std::string_view message, Fields fields = {}) {
  log(module, Level::warn, message, fields);
}
inline void error(const Module& module, std::string_view message, Fields fields = {}) {
  log(module, Level::error, message, fields);
}

}  // namespace kit::log
