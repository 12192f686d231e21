// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/base/caller.hpp"
#include "kit/base/error.hpp"
#include "kit/base/time.hpp"
#include "kit/http/message.hpp"
#include "kit/http/router.hpp"

namespace kit::http {

/// What a guard says of a request besides letting it in or not, and what it wants to remember of it
/// until it is over. One for each request; fixed size but for the caller.
class Admission {
 public:
  static constexpr std::size_t most_fields = 4;
  static constexpr std::size_t most_value_bytes = 94;

  /// A header field of the answer, whichever that will be.
  struct Field {
    std::string_view name;  ///< A literal, in lower case.
    std::array<char, most_value_bytes> text;
    std::uint8_t size = 0;
    std::string_view value() const { return {text.data(), size}; }
  };

  /// Who the request comes from: what its handler finds as `kit::current_caller`, and its log lines
  /// as the user. Null: nobody in particular.
  std::shared_ptr<const Caller> caller;
  /// The request is not let in yet: `RequestGuard::enter` decides, once its body is there.
  bool waits = false;
  /// `RequestGuard::leave` is to be called.
  bool counted = false;

  /// Room for the value of another field: write at most `most_value_bytes` and set `size`. Null
  /// when there are `most_fields` already.
  Field* add_field(std::string_view lower_case_name) {
    if (field_count_ == most_fields) return nullptr;
    Field& field = fields_[field_count_++];
    field.name = lower_case_name;
    field.size = 0;
    return &field;
  }
  std::span<const Field> fields() const { return {fields_.data(), field_count_}; }

  /// Room for what a guard keeps of a request that is `counted`: it begins its life in `admit` and
  /// ends it in `leave`.
  static constexpr std::size_t room_bytes = 64;
  void* room() const { return room_.data(); }

  /// As new.
  void reset() {
    caller.reset();
    waits = counted = false;
    field_count_ = 0;
  }

 private:
  // Only what is counted has been written.
  std::array<Field, most_fields> fields_;
  std::size_t field_count_ = 0;
  alignas(std::max_align_t) mutable std::array<std::byte, room_bytes> room_;
};

/// Looks at a request before anything is done for it: its body is not read and its handler not
/// called yet. Where authentication, limits and breakers belong: who is refused has cost nothing.
/// Thread safety: called on every server's thread.
class RequestGuard {
 public:
  /// Why the request is refused; nothing: it is let in. Must not wait. What it adds to `admission`
  /// counts either way.
  virtual std::optional<Error> admit(const Request& request, const Router::Route& route,
                                     Admission& admission) const = 0;

  /// The rest of the decision, of requests whose admission `waits`: fails with why one is refused.
  /// May name the caller. Its time is the handler's.
  virtual Task<> enter(const Request& request, const Router::Route& route,
                       Admission& admission) const;

  /// How an admission that is `counted` has ended.
  struct Left {
    const Request& request;
    const Router::Route& route;
    const Admission& admission;
    int status;  ///< Of the answer; 0: there was none.
    Clock::duration duration;
    bool cancelled;  ///< Nobody waited for the answer any more.
  };
  /// Its handler has ended, and its answer, or the head of a streamed one, is on its way. Once for
  /// each request that was admitted and counted. Must not wait.
  virtual void leave(const Left& left) const;

 protected:
  ~RequestGuard() = default;
};

}  // namespace kit::http
