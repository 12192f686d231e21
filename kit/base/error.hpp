// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

namespace kit {

/// What went wrong, as the closed set of google.rpc.Code; HTTP status, gRPC status and retry policy
/// follow from it.
enum class Code : std::uint8_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};

/// The upper-case name of the code as google.rpc.Status writes it: "INVALID_ARGUMENT".
std::string_view name(Code code);

/// One field of a request that was refused.
struct FieldViolation {
  std::string field;        ///< Path of the field in the request: "email", "items[2].sku".
  std::string description;  ///< For the person who sent it: "must be at most 40 characters".
};

/// A failure that depends on input or on the outside world. What a client sees comes from `code`,
/// `reason`, `violations` and `message` of client errors; `cause` and the message of server errors
/// go to the log only. Cost: one pointer; the details live on the heap.
class [[nodiscard]] Error {
 public:
  Error(Code code, std::string message,
        std::source_location where = std::source_location::current());
  Error(Error&&) noexcept;
  Error& operator=(Error&&) noexcept;
  ~Error();

  /// A deep copy, for the rare place that must answer one failure to several callers.
  Error clone() const;

  Code code() const;
  const std::string& message() const;
  /// Stable, documented, upper-case identifier ("CUSTOMER_EMAIL_TAKEN"); empty when there is none.
  const std::string& reason() const;
  const std::vector<FieldViolation>& violations() const;
  const std::source_location& where() const;
  /// The failure below this one, or null.
  const Error* cause() const;
  /// The HTTP status where the code's own is too coarse (412, 413, 415 ...); 0: use the code's.
  int http_status() const;
  /// After how long trying again may end better: what a 429 or 503 says as Retry-After. Zero: it
  /// says nothing.
  std::chrono::milliseconds retry_after() const;

  Error&& with_reason(std::string reason) &&;
  Error&& with_violation(std::string field, std::string description) &&;
  Error&& with_violations(std::vector<FieldViolation> violations) &&;
  Error&& with_cause(Error cause) &&;
  Error&& with_http_status(int status) &&;
  Error&& with_retry_after(std::chrono::milliseconds pause) &&;

  /// "INVALID_ARGUMENT [REASON] message (file:line) <- cause", for logs.
  std::string describe() const;

 private:
  struct Detail;
  explicit Error(std::unique_ptr<Detail> detail);
  std::unique_ptr<Detail> detail_;
};

/// `invalid_argument` with one field violation.
Error invalid(std::string field, std::string description,
              std::source_location where = std::source_location::current());

}  // namespace kit
