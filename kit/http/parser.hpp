// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "kit/http/limit_counts.hpp"
#include "kit/http/limits.hpp"
#include "kit/http/message.hpp"

namespace kit::http {

/// The shape of a request target (RFC 9112 section 3.2).
enum class TargetForm : std::uint8_t { origin, absolute, authority, asterisk };

/// The head of a request: what the request line and the fields say. The views point into the bytes
/// that were parsed.
struct RequestHead {
  Method method = Method::get;
  TargetForm form = TargetForm::origin;
  bool http_1_0 = false;
  bool keep_alive = true;  ///< What the client wishes and its version allows.
  bool chunked = false;
  bool has_content_length = false;
  bool expects_continue = false;
  bool path_has_percent = false;
  std::uint64_t content_length = 0;
  std::string_view method_name;
  std::string_view target;
  std::string_view path;   ///< Undecoded; its percent-encoding is valid. Authority form: empty.
  std::string_view query;  ///< Undecoded, without '?'.
  std::string_view host;
  std::vector<Header> headers;  ///< Fields whose name has a '_' are left out.
  // Places in `headers` of what the server itself looks at, -1: absent.
  std::int16_t content_type = -1;
  std::int16_t request_id = -1;
  std::int16_t trace_parent = -1;  ///< Also -1 when there is more than one.
  std::int16_t baggage = -1;
  std::int16_t timeout = -1;  ///< Request-Timeout-Ms or grpc-timeout.
};

enum class ParseState : std::uint8_t { incomplete, complete, refused };

/// A strict, incremental parser of request heads; no I/O. What two parties could read differently
/// is refused.
///
/// `parse` is given all bytes since the start of the request, more each time; the buffer may move
/// between calls. No byte is looked at twice except in a line that came in parts. Cost: no
/// allocation once `headers` has grown.
class RequestParser {
 public:
  /// What HTTP/2 has in place of a request line. Empty: absent.
  struct PseudoHeaders {
    std::string_view method;
    std::string_view scheme;
    std::string_view authority;
    std::string_view path;
  };

  /// Lifetime: `limits` outlives the parser.
  explicit RequestParser(const Limits& limits) : limits_(limits) { reset(); }

  ParseState parse(std::string_view input);

  /// The same rules for a head that is decoded already (HTTP/2), instead of `parse`: `begin`, a
  /// `field` for each in order, `end`. An :authority becomes the Host. False: refused. Lifetime:
  /// the texts outlive the head.
  bool begin(const PseudoHeaders& pseudo);
  bool field(std::string_view name, std::string_view value);
  ParseState end() { return state_ == ParseState::refused ? state_ : finish(); }

  /// Ready for the next request.
  void reset();

  const RequestHead& head() const { return head_; }
  /// Bytes of the head, once complete.
  std::size_t size() const { return line_start_; }
  /// Points the views to a copy of the head at `base`.
  void rebase(const char* base);

  /// Why it was refused: an HTTP status (400, 414, 417, 431, 505) and a sentence for the client.
  /// The connection cannot go on.
  int status() const { return status_; }
  std::string_view problem() const { return problem_; }
  /// The limit it went past, if that is why.
  std::optional<Limit> limit() const { return limit_; }

 private:
  bool request_line(std::string_view line);
  bool version(std::string_view text);
  bool target(std::string_view text);
  bool path_and_query(std::string_view text);
  bool field_line(std::string_view line);
  bool known_field(std::string_view name, std::string_view value, std::int16_t index);
  bool content_length(std::string_view value);
  bool connection(std::string_view value);
  ParseState finish();
  bool refuse(int status, std::string_view problem);
  bool refuse(Limit limit);

  const Limits& limits_;
  RequestHead head_;
  const char* base_ = nullptr;
  std::size_t line_start_ = 0;
  std::size_t scanned_ = 0;
  std::size_t most_end_ = 0;  // where the LF of the line must be at the latest
  std::size_t fields_start_ = 0;
  std::size_t field_count_ = 0;
  std::string_view absolute_host_;
  std::string_view pseudo_authority_;  // of HTTP/2
  std::string_view default_port_;      // of its scheme
  std::string_view problem_;
  std::optional<Limit> limit_;
  int status_ = 0;
  ParseState state_ = ParseState::incomplete;
  std::uint8_t host_count_ = 0;
  std::uint16_t trace_count_ = 0;
  bool has_request_line_ = false;
  bool skipped_blank_line_ = false;
  bool asks_keep_alive_ = false;
  bool asks_close_ = false;
  bool unknown_expectation_ = false;
};

}  // namespace kit::http
