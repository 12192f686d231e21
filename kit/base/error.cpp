// SPDX-License-Identifier: Apache-2.0
#include "kit/base/error.hpp"

#include <array>
#include <utility>

namespace kit {

std::string_view name(Code code) {
  static constexpr std::array<std::string_view, 17> names = {"OK",
                                                             "CANCELLED",
                                                             "UNKNOWN",
                                                             "INVALID_ARGUMENT",
                                                             "DEADLINE_EXCEEDED",
                                                             "NOT_FOUND",
                                                             "ALREADY_EXISTS",
                                                             "PERMISSION_DENIED",
                                                             "RESOURCE_EXHAUSTED",
                                                             "FAILED_PRECONDITION",
                                                             "ABORTED",
                                                             "OUT_OF_RANGE",
                                                             "UNIMPLEMENTED",
                                                             "INTERNAL",
                                                             "UNAVAILABLE",
                                                             "DATA_LOSS",
                                                             "UNAUTHENTICATED"};
  auto index = static_cast<std::size_t>(code);
  return index < names.size() ? names[index] : names[2];
}

struct Error::Detail {
  Code code;
  int http_status = 0;
  std::chrono::milliseconds retry_after{0};
  std::string message;
  std::string reason;
  std::vector<FieldViolation> violations;
  std::source_location where;
  std::unique_ptr<Error> cause;
};

Error::Error(Code code, std::string message, std::source_location where)
    : detail_(new Detail{code, 0, {}, std::move(message), {}, {}, where, nullptr}) {}
Error::Error(std::unique_ptr<Detail> detail) : detail_(std::move(detail)) {}
Error::Error(Error&&) noexcept = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::~Error() = default;

Error Error::clone() const {
  auto copy = std::make_unique<Detail>(
      Detail{detail_->code, detail_->http_status, detail_->retry_after, detail_->message,
             detail_->reason, detail_->violations, detail_->where, nullptr});
  if (detail_->cause) copy->cause = std::make_unique<Error>(detail_->cause->clone());
  return Error(std::move(copy));
}

Code Error::code() const {
  return detail_->code;
}
const std::string& Error::message() const {
  return detail_->message;
}
const std::string& Error::reason() const {
  return detail_->reason;
}
const std::vector<FieldViolation>& Error::violations() const {
  return detail_->violations;
}
const std::source_location& Error::where() const {
  return detail_->where;
}
const Error* Error::cause() const {
  return detail_->cause.get();
}
int Error::http_status() const {
  return detail_->http_status;
}

std::chrono::milliseconds Error::retry_after() const {
  return detail_->retry_after;
}

Error&& Error::with_reason(std::string reason) && {
  detail_->reason = std::move(reason);
  return std::move(*this);
}

Error&& Error::with_violation(std::string field, std::string description) && {
  detail_->violations.push_back({std::move(field), std::move(description)});
  return std::move(*this);
}

Error&& Error::with_violations(std::vector<FieldViolation> violations) && {
  detail_->violations = std::move(violations);
  return std::move(*this);
}

Error&& Error::with_cause(Error cause) && {
  detail_->cause = std::make_unique<Error>(std::move(cause));
  return std::move(*this);
}

Error&& Error::with_http_status(int status) && {
  detail_->http_status = status;
  return std::move(*this);
}

Error&& Error::with_retry_after(std::chrono::milliseconds pause) && {
  detail_->retry_after = pause;
  return std::move(*this);
}

std::string Error::describe() const {
  std::string out(name(detail_->code));
  if (!detail_->reason.empty()) out.append(" [").append(detail_->reason).append("]");
  out.append(" ").append(detail_->message);
  for (const auto& violation : detail_->violations) {
    out.append("; ").append(violation.field).append(" ").append(violation.description);
  }
  std::string_view file = detail_->where.file_name();
  if (auto slash = file.find_last_of('/'); slash != file.npos) file.remove_prefix(slash + 1);
  out.append(" (")
      .append(file)
      .append(":")
      .append(std::to_string(detail_->where.line()))
      .append(")");
  if (detail_->cause) out.append(" <- ").append(detail_->cause->describe());
  return out;
}

Error invalid(std::string field, std::string description, std::source_location where) {
  std::string message = field + " " + description;
  return Error(Code::invalid_argument, std::move(message), where)
      .with_violation(std::move(field), std::move(description));
}

}  // namespace kit
