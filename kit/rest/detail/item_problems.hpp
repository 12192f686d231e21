// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "kit/base/error.hpp"

namespace kit::rest::detail {

/// More of them are not told.
inline constexpr std::size_t max_violations = 100;

/// A database takes nothing more in this transaction, because a statement before has failed. What
/// is wrong with further items can be found out with `JointWork::Dropped::apart`.
bool has_ended_transaction(const Error& error);

/// Whether a failure says something about the item; others say something about the database or the
/// caller.
bool is_about_item(const Error& error);

/// What is wrong with any item of a request, as one error.
class ItemProblems {
 public:
  bool any() const { return first_.has_value(); }
  /// `place` is the item's: "create[3]".
  void add(const std::string& place, Error error);
  /// Only when there is `any`.
  Error take();

 private:
  void add_violation(std::string field, std::string description);

  std::optional<Error> first_;
  std::size_t items_ = 0;
  std::vector<FieldViolation> violations_;
};

}  // namespace kit::rest::detail
