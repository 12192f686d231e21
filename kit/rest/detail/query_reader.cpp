// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/detail/query_reader.hpp"

#include <algorithm>

#include "kit/base/join.hpp"
#include "kit/base/text.hpp"
#include "kit/http/query.hpp"
#include "kit/rest/detail/shown_name.hpp"

namespace kit::rest::detail {
namespace {

constexpr std::size_t max_violations = 32;

}  // namespace

std::string joined(std::span<const std::string_view> names) {
  return join(names, ", ");
}

Error invalid_parameters(Error error) {
  return std::move(error).with_reason("PARAMETERS_INVALID");
}

Result<> QueryReader::open(std::string_view query) {
  Result<std::vector<std::pair<std::string, std::string>>> parsed = http::parse_query(query);
  if (!parsed) return invalid_parameters(std::move(parsed).error());
  parameters_ = std::move(*parsed);
  std::vector<std::string_view> seen;
  for (const auto& [name, value] : parameters_) {
    if (std::ranges::find(seen, name) != seen.end()) add(name, "is given twice");
    seen.push_back(name);
  }
  return {};
}

void QueryReader::add(std::string_view name, std::string description) {
  std::string shown = shown_name(name);
  const bool is_known =
      std::ranges::find(violations_, shown, &FieldViolation::field) != violations_.end();
  if (!is_known && violations_.size() < max_violations) {
    violations_.push_back({std::move(shown), std::move(description)});
  }
}

void QueryReader::extend(std::string_view name, std::string_view more) {
  const auto found = std::ranges::find(violations_, name, &FieldViolation::field);
  if (found != violations_.end()) found->description += more;
}

void QueryReader::add_unknown(std::string_view name, std::span<const std::string_view> known) {
  add(name, known.empty() ? "is no parameter here; none are known"
                          : "is no parameter here" + did_you_mean(shown_name(name), known) +
                                "; known are: " + joined(known));
}

Error QueryReader::refusal() {
  Error error(Code::invalid_argument, "the query has invalid parameters");
  return invalid_parameters(std::move(error).with_violations(std::move(violations_)));
}

}  // namespace kit::rest::detail
