// SPDX-License-Identifier: Apache-2.0
#include "kit/http/error_response.hpp"

#include <chrono>
#include <string>

#include "kit/json/writer.hpp"

namespace kit::http {
namespace {

/// What is shown instead of a server error's own message.
std::string_view public_message(int status) {
  switch (status) {
    case 501:
      return "this is not implemented";
    case 503:
      return "the service is unavailable; try again later";
    case 504:
      return "the deadline was exceeded";
    case 505:
      return "the HTTP version is not supported";
    case 507:
      return "there is no space left to store this";
    default:
      return "internal error";
  }
}

void write_details(json::Writer& writer, const Error& error, bool hidden,
                   std::string_view request_id) {
  writer.member("details");
  writer.begin_array();
  if (!hidden && !error.reason().empty()) {
    writer.begin_object();
    writer.member("@type", "type.googleapis.com/google.rpc.ErrorInfo");
    writer.member("reason", error.reason());
    writer.member("domain", "kit");
    writer.end_object();
  }
  if (!hidden && !error.violations().empty()) {
    writer.begin_object();
    writer.member("@type", "type.googleapis.com/google.rpc.BadRequest");
    writer.member("fieldViolations");
    writer.begin_array();
    for (const FieldViolation& violation : error.violations()) {
      writer.begin_object();
      writer.member("field", violation.field);
      writer.member("description", violation.description);
      writer.end_object();
    }
    writer.end_array();
    writer.end_object();
  }
  if (!request_id.empty()) {
    writer.begin_object();
    writer.member("@type", "type.googleapis.com/google.rpc.RequestInfo");
    writer.member("requestId", request_id);
    writer.end_object();
  }
  writer.end_array();
}

}  // namespace

int http_status(Code code) {
  switch (code) {
    case Code::ok:
      return 200;
    case Code::cancelled:
      return 499;
    case Code::invalid_argument:
      return 400;
    case Code::deadline_exceeded:
      return 504;
    case Code::not_found:
      return 404;
    case Code::already_exists:
      return 409;
    case Code::permission_denied:
      return 403;
    case Code::resource_exhausted:
      return 429;
    case Code::failed_precondition:
      return 400;
    case Code::aborted:
      return 409;
    case Code::out_of_range:
      return 400;
    case Code::unimplemented:
      return 501;
    case Code::unavailable:
      return 503;
    case Code::unauthenticated:
      return 401;
    case Code::unknown:
    case Code::internal:
    case Code::data_loss:
      break;
  }
  return 500;
}

int http_status(const Error& error) {
  const int own = error.http_status();
  return own >= 400 && own <= 599 ? own : http_status(error.code());
}

Response error_response(const Error& error, std::string_view request_id) {
  Response response;
  response.status = http_status(error);
  response.content_type = "application/json";
  const bool hidden = response.status >= 500;
  json::Writer writer(response.body);
  writer.begin_object();
  writer.member("code", static_cast<int>(error.code()));
  if (hidden) {
    writer.member("message", public_message(response.status));
  } else {
    writer.member("message", error.message());
  }
  writer.member("status", name(error.code()));
  write_details(writer, error, hidden, request_id);
  writer.end_object();
  // Whole seconds on the wire, rounded up: who obeys must not come too early.
  const auto pause = std::chrono::ceil<std::chrono::seconds>(error.retry_after());
  if (pause.count() > 0)
    response.headers.emplace_back("Retry-After", std::to_string(pause.count()));
  return response;
}

}  // namespace kit::http
