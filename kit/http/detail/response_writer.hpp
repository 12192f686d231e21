// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/time.hpp"
#include "kit/http/guard.hpp"
#include "kit/http/message.hpp"

namespace kit::http::detail {

/// "Date: ...\r\n", rendered once a second.
class DateLine {
 public:
  /// Cost: one comparison but once a second. `now` is the loop's time.
  std::string_view at(Clock::time_point now) {
    if (now >= next_) render(now);
    return {line_.data(), line_.size()};
  }

 private:
  void render(Clock::time_point now);
  std::array<char, 37> line_{};
  Clock::time_point next_ = Clock::time_point::min();
};

/// The header fields of answers that do not set them themselves, rendered once.
class DefaultHeaders {
 public:
  explicit DefaultHeaders(const std::vector<std::pair<std::string, std::string>>& headers);

  std::size_t size() const { return all_.size(); }
  /// Writes those that `response` lacks; `to` has room for `size()` bytes. Returns the place
  /// behind.
  char* put_missing(char* to, const Response& response) const;
  /// Calls `take(name, value)` for those that `response` lacks; names in lower case.
  template <class Take>
  void for_missing(const Response& response, Take&& take) const {
    for (const Line& line : lines_) {
      if (lacks(response, line)) take(std::string_view(line.name), line.value());
    }
  }

 private:
  struct Line {
    std::string name;  // in lower case
    std::string text;
    std::string_view value() const {
      return std::string_view(text).substr(name.size() + 2, text.size() - name.size() - 4);
    }
  };
  static bool lacks(const Response& response, const Line& line);
  std::vector<Line> lines_;
  std::string all_;
};

/// How the body of an answer is framed.
enum class BodyFraming : std::uint8_t {
  whole,  ///< Content-Length of the body that the answer holds.
  sized,  ///< Content-Length of a stream.
  chunked,
  unframed  ///< Until the connection closes, or none at all.
};

struct ResponseOptions {
  std::string_view date_line;
  std::string_view request_id;
  const DefaultHeaders* defaults = nullptr;
  BodyFraming framing = BodyFraming::whole;
  std::uint64_t stream_bytes = 0;                       ///< For `sized`.
  std::span<const Admission::Field> guard_fields = {};  ///< Unless the answer has them itself.
  std::string_view upgrade = {};                        ///< Of a 101: what is spoken from now on.
  bool close = false;                                   ///< Connection: close.
  bool says_keep_alive = false;  ///< For HTTP/1.0, where it is not the default.
};

/// Whether an answer with `status` has a body (and a Content-Length) at all.
inline bool has_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

/// Whether a handler may set a field of this name: a token that is neither written by the server
/// itself nor about how the message is framed.
bool is_settable(std::string_view name);

/// Writes `value` with blanks in place of control characters, so that it cannot end its line.
/// Returns the place behind.
char* put_value(char* to, std::string_view value);

/// Appends the head of `response` and then `small_body` to `out`; returns the bytes of the head.
/// Control characters in values become blanks, so that no value ends its line; fields that frame
/// the message, and names that are no tokens, are left out.
std::size_t append_response(std::string& out, const Response& response,
                            const ResponseOptions& options, std::string_view small_body);

/// Whether `response` has a field of this name, which is in lower case.
bool has_field(const Response& response, std::string_view lower_case_name);

/// Whether the handler asked for the connection to be closed.
bool asks_close(const Response& response);

}  // namespace kit::http::detail
