// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/error.hpp"
#include "kit/base/result.hpp"

namespace kit::rest::detail {

/// "id, name"
std::string joined(std::span<const std::string_view> names);

/// For errors of layers that know nothing of parameters.
Error invalid_parameters(Error error);

/// The parameters of one request, each looked at once.
class QueryReader {
 public:
  Result<> open(std::string_view query);
  const std::vector<std::pair<std::string, std::string>>& parameters() const { return parameters_; }

  /// Says what is wrong with a parameter; the first word counts.
  void add(std::string_view name, std::string description);
  /// Adds to what was said about a parameter; nothing when that was nothing.
  void extend(std::string_view name, std::string_view more);
  void add_unknown(std::string_view name, std::span<const std::string_view> known);
  bool ok() const { return violations_.empty(); }
  Error refusal();

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
  std::vector<FieldViolation> violations_;
};

}  // namespace kit::rest::detail
