// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "kit/http/message.hpp"
#include "kit/http/parser.hpp"

namespace kit::http {

/// Every limit of what a server may answer. Past one the connection is closed.
struct ResponseLimits {
  std::size_t status_line_bytes = 8 * 1024;  ///< Without CR LF.
  std::size_t header_bytes = 64 * 1024;  ///< All fields with their CR LF, of interim answers too.
  std::size_t header_count = 200;        ///< Of one answer.
  std::size_t header_field_bytes = 16 * 1024;  ///< One field without CR LF.
  std::size_t interim_responses = 10;          ///< Answers 1xx before the final one.
};

/// How the end of a body is found (RFC 9112 section 6.3).
enum class BodyFraming : std::uint8_t { none, length, chunked, until_close };

/// The head of a response. The views point into the bytes that were parsed.
struct ResponseHead {
  int status = 0;  ///< 200 to 599.
  bool http_1_0 = false;
  bool keep_alive = true;  ///< What the server wishes and its version allows.
  BodyFraming framing = BodyFraming::none;
  bool chunked = false;
  bool has_content_length = false;
  std::uint64_t content_length = 0;  ///< As sent; of an answer to HEAD it describes no body.
  std::string_view reason;
  std::vector<Header> headers;
};

/// A strict, incremental parser of response heads; no I/O. What two parties could read differently
/// is refused. Interim answers (1xx) are skipped.
///
/// `parse` is given all bytes since the start of the response, more each time; the buffer may move
/// between calls.
class ResponseParser {
 public:
  /// `method`: of the request; the answer to HEAD has no body. Lifetime: `limits` outlives the
  /// parser.
  ResponseParser(const ResponseLimits& limits, Method method) : limits_(limits), method_(method) {}

  ParseState parse(std::string_view input);

  const ResponseHead& head() const { return head_; }
  /// Bytes up to the body, skipped interim answers included, once complete.
  std::size_t size() const { return line_start_; }
  /// Why it was refused, for the log.
  std::string_view problem() const { return problem_; }

 private:
  bool refuse(std::string_view problem);
  void rebase(const char* base);
  bool line_too_long(std::size_t end);
  bool line(std::string_view text);
  bool status_line(std::string_view text);
  bool field_line(std::string_view text);
  bool known_field(std::string_view name, std::string_view value);
  bool content_length(std::string_view value);
  void connection(std::string_view value);
  bool end_of_head();

  const ResponseLimits& limits_;
  Method method_;
  ResponseHead head_;
  const char* base_ = nullptr;
  std::size_t line_start_ = 0;
  std::size_t scanned_ = 0;
  std::size_t field_bytes_ = 0;
  std::size_t interim_ = 0;
  std::string_view problem_;
  ParseState state_ = ParseState::incomplete;
  bool has_status_line_ = false;
  bool asks_keep_alive_ = false;
  bool asks_close_ = false;
};

}  // namespace kit::http
