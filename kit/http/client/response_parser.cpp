// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/response_parser.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kit/http/detail/chars.hpp"
#include "kit/http/detail/framing_fields.hpp"

namespace kit::http {

using namespace detail;

bool ResponseParser::refuse(std::string_view problem) {
  problem_ = problem;
  state_ = ParseState::refused;
  return false;
}

void ResponseParser::rebase(const char* base) {
  auto move = [&](std::string_view& view) {
    if (view.data() != nullptr) view = {base + (view.data() - base_), view.size()};
  };
  if (base_ != nullptr && base != base_) {
    move(head_.reason);
    for (Header& header : head_.headers) {
      move(header.name);
      move(header.value);
    }
  }
  base_ = base;
}

ParseState ResponseParser::parse(std::string_view input) {
  if (input.data() != base_) rebase(input.data());
  while (state_ == ParseState::incomplete && scanned_ < input.size()) {
    const auto* newline =
        static_cast<const char*>(std::memchr(base_ + scanned_, '\n', input.size() - scanned_));
    const std::size_t end =
        newline != nullptr ? static_cast<std::size_t>(newline - base_) : input.size();
    if (line_too_long(end)) break;
    if (newline == nullptr) {
      scanned_ = input.size();
      break;
    }
    if (end == line_start_ || newline[-1] != '\r') {
      refuse("a line does not end with CR LF");
      break;
    }
    const std::string_view text(base_ + line_start_, end - 1 - line_start_);
    if (has_status_line_) field_bytes_ += text.size() + 2;
    line_start_ = scanned_ = end + 1;
    if (!line(text)) break;
  }
  return state_;
}

/// A line has come so far, up to `end`. Raw bytes are compared, CR included, so that a line in
/// parts is refused where one that comes at once is.
bool ResponseParser::line_too_long(std::size_t end) {
  const std::size_t bytes = end - line_start_;
  if (!has_status_line_) {
    return bytes > limits_.status_line_bytes + 1 && !refuse("the status line is too long");
  }
  return (bytes > limits_.header_field_bytes + 1 ||
          field_bytes_ + bytes + 1 > limits_.header_bytes + 2) &&
         !refuse("the header fields are too large");
}

bool ResponseParser::line(std::string_view text) {
  if (!has_status_line_) return status_line(text);
  if (text.empty()) return end_of_head();
  return field_line(text);
}

bool ResponseParser::status_line(std::string_view text) {
  constexpr std::size_t shortest = 12;  // "HTTP/1.1 200"
  auto digit = [&](std::size_t at) { return text[at] - '0'; };
  auto is_digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() < shortest || !text.starts_with("HTTP/1.") || text[8] != ' ' || !is_digit(9) ||
      !is_digit(10) || !is_digit(11)) {
    return refuse("the status line is malformed");
  }
  if (text[7] != '0' && text[7] != '1') return refuse("only HTTP/1.1 and HTTP/1.0 are understood");
  head_.http_1_0 = text[7] == '0';
  head_.status = digit(9) * 100 + digit(10) * 10 + digit(11);
  if (head_.status < 100 || head_.status > 599) return refuse("the status is out of range");
  if (text.size() > shortest) {
    if (text[shortest] != ' ') return refuse("the status line is malformed");
    head_.reason = text.substr(shortest + 1);
    if (!is_field_value(head_.reason)) return refuse("the reason has a control character");
  }
  return has_status_line_ = true;
}

bool ResponseParser::field_line(std::string_view text) {
  const char* const start = text.data();
  const char* const end = start + text.size();
  const char* const at = skip_class(start, end, char_token);
  if (at == start || at == end || *at != ':') {
    // Also a folded line (it begins with a blank) and a blank before the colon.
    return refuse("a header field is malformed");
  }
  const std::string_view value(at + 1, end);
  if (!is_field_value(value)) return refuse("a header value has a control character");
  if (head_.headers.size() >= limits_.header_count)
    return refuse("there are too many header fields");
  const std::string_view name(start, at);
  const std::string_view trimmed = trim_blanks(value);
  head_.headers.push_back({name, trimmed});
  return known_field(name, trimmed);
}

bool ResponseParser::known_field(std::string_view name, std::string_view value) {
  if (equals_lower(name, "connection")) {
    connection(value);
  } else if (equals_lower(name, "content-length")) {
    return content_length(value);
  } else if (equals_lower(name, "transfer-encoding")) {
    if (head_.chunked || !equals_lower(value, "chunked")) {
      return refuse("the only Transfer-Encoding is 'chunked', once");
    }
    head_.chunked = true;
  }
  return true;
}

bool ResponseParser::content_length(std::string_view value) {
  if (std::exchange(head_.has_content_length, true)) {
    return refuse("there is more than one Content-Length");
  }
  const auto length = detail::parse_content_length(value);
  if (!length) return refuse("the Content-Length is malformed");
  head_.content_length = *length;
  return true;
}

void ResponseParser::connection(std::string_view value) {
  detail::read_connection(value, asks_close_, asks_keep_alive_);
}

bool ResponseParser::end_of_head() {
  const bool interim = head_.status < 200;
  if (head_.chunked &&
      (head_.has_content_length || head_.http_1_0 || interim || head_.status == 204)) {
    return refuse("Transfer-Encoding must not come with Content-Length, HTTP/1.0, 1xx or 204");
  }
  if (head_.status == 101) return refuse("nobody asked for another protocol");
  if (interim) {
    if (++interim_ > limits_.interim_responses) return refuse("there are too many answers 1xx");
    std::vector<Header> headers = std::move(head_.headers);
    headers.clear();
    head_ = ResponseHead{};
    head_.headers = std::move(headers);
    has_status_line_ = asks_keep_alive_ = asks_close_ = false;
    return true;
  }
  if (method_ == Method::head || head_.status == 204 || head_.status == 304) {
    head_.framing = BodyFraming::none;
  } else if (head_.chunked) {
    head_.framing = BodyFraming::chunked;
  } else if (!head_.has_content_length) {
    head_.framing = BodyFraming::until_close;
  } else {
    head_.framing = head_.content_length == 0 ? BodyFraming::none : BodyFraming::length;
  }
  head_.keep_alive = !asks_close_ && (!head_.http_1_0 || asks_keep_alive_) &&
                     head_.framing != BodyFraming::until_close;
  state_ = ParseState::complete;
  return true;
}

}  // namespace kit::http
