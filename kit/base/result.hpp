// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <type_traits>
#include <utility>

#include "kit/base/assert.hpp"
#include "kit/base/error.hpp"

namespace kit {

/// A value or the `Error` that stood in its way. `co_await result` yields the value or ends the
/// coroutine with the error. Looking at the value of a failed result is a bug and aborts.
template <class T = void>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  template <class U = T>
    requires(std::is_constructible_v<T, U &&> && !std::is_same_v<std::remove_cvref_t<U>, Result> &&
             !std::is_same_v<std::remove_cvref_t<U>, Error>)
  Result(U&& value) : state_(std::in_place, std::forward<U>(value)) {}
  Result(Error error) : state_(std::unexpect, std::move(error)) {}

  bool ok() const { return state_.has_value(); }
  explicit operator bool() const { return ok(); }

  T& value() & { return check(), *state_; }
  const T& value() const& { return check(), *state_; }
  T&& value() && { return check(), std::move(*state_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & { return state_.error(); }
  const Error& error() const& { return state_.error(); }
  Error&& error() && { return std::move(state_).error(); }

 private:
  void check() const { KIT_ASSERT(state_.has_value(), "value of a failed Result"); }
  std::expected<T, Error> state_;
};

/// Success without a value, or an `Error`.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : state_(std::unexpect, std::move(error)) {}

  bool ok() const { return state_.has_value(); }
  explicit operator bool() const { return ok(); }
  void value() const { KIT_ASSERT(state_.has_value(), "value of a failed Result"); }

  Error& error() & { return state_.error(); }
  const Error& error() const& { return state_.error(); }
  Error&& error() && { return std::move(state_).error(); }

 private:
  std::expected<void, Error> state_;
};

}  // namespace kit

/// Ends a function that returns a `Result` with the error of `expression`, for code that is no
/// coroutine.
#define KIT_TRY(expression)                                                          \
  do {                                                                               \
    if (auto kit_try_ = (expression); !kit_try_) return std::move(kit_try_).error(); \
  } while (false)
