// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/detail/item_problems.hpp"

#include <utility>

namespace kit::rest::detail {

bool has_ended_transaction(const Error& error) {
  return error.reason() == "TRANSACTION_FAILED";
}

bool is_about_item(const Error& error) {
  if (has_ended_transaction(error)) return false;
  switch (error.code()) {
    case Code::invalid_argument:
    case Code::not_found:
    case Code::already_exists:
    case Code::failed_precondition:
    case Code::out_of_range:
      return true;
    case Code::permission_denied:  // not of the whole entity, which ends the request
      return error.reason() == "FIELDS_FORBIDDEN" || error.reason().ends_with("_ROW_FORBIDDEN");
    case Code::aborted:
      return error.http_status() == 412;
    default:
      return false;
  }
}

void ItemProblems::add(const std::string& place, Error error) {
  ++items_;
  if (error.violations().empty()) {
    std::string field = place;
    if (error.code() == Code::not_found) field += ".id";
    if (error.code() == Code::aborted) field += ".version";
    const bool is_no_object = error.reason() == "BODY_INVALID";  // of the item, here
    add_violation(std::move(field), is_no_object ? "must be a JSON object" : error.message());
  }
  for (const FieldViolation& violation : error.violations()) {
    add_violation(place + "." + violation.field, violation.description);
  }
  const bool is_first_invalid =
      error.code() == Code::invalid_argument && first_ && first_->code() != Code::invalid_argument;
  if (!first_ || is_first_invalid) first_ = std::move(error);
}

Error ItemProblems::take() {
  const bool is_invalid = first_->code() == Code::invalid_argument;
  // The path of the request is there: 404 would say that it is not.
  const bool is_missing = first_->code() == Code::not_found;
  Error error(is_missing ? Code::failed_precondition : first_->code(),
              "nothing was done: " + std::to_string(items_) +
                  (items_ == 1 ? " item of the request is" : " items of the request are") +
                  " refused");
  const int status = is_missing ? 409 : first_->http_status();
  std::string reason = is_invalid ? "FIELDS_INVALID" : first_->reason();
  return std::move(error)
      .with_reason(std::move(reason))
      .with_http_status(status)
      .with_violations(std::move(violations_));
}

void ItemProblems::add_violation(std::string field, std::string description) {
  if (violations_.size() == max_violations) return;
  violations_.push_back({std::move(field), std::move(description)});
}

}  // namespace kit::rest::detail
