// SPDX-License-Identifier: Apache-2.0
#include "kit/http/parser.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "kit/http/detail/chars.hpp"
#include "kit/http/detail/framing_fields.hpp"

namespace kit::http {
namespace {

using namespace detail;

constexpr std::string_view root_path = "/";

Method method_of(std::string_view text) {
  switch (text.size()) {
    case 3:
      if (text == "GET") return Method::get;
      return text == "PUT" ? Method::put : Method::other;
    case 4:
      if (text == "POST") return Method::post;
      return text == "HEAD" ? Method::head : Method::other;
    case 5:
      return text == "PATCH" ? Method::patch : Method::other;
    case 6:
      return text == "DELETE" ? Method::delete_ : Method::other;
    case 7:
      return text == "OPTIONS" ? Method::options : Method::other;
    default:
      return Method::other;
  }
}

bool is_port(std::string_view text) {
  if (text.size() > 5) return false;
  unsigned port = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  return port <= 65535;
}

/// host [":" port] without userinfo; the host must not be empty.
bool is_authority(std::string_view text) {
  std::size_t host_end = 0;
  if (text.starts_with('[')) {
    host_end = text.find(']');
    if (host_end == text.npos || host_end < 3) return false;
    for (char c : text.substr(1, host_end - 1)) {
      if (hex_digit(c) < 0 && c != ':' && c != '.') return false;
    }
    ++host_end;
  } else {
    const char* const start = text.data();
    host_end =
        static_cast<std::size_t>(skip_class(start, start + text.size(), char_authority) - start);
    if (host_end == 0) return false;
  }
  if (host_end == text.size()) return true;
  return text[host_end] == ':' && is_port(text.substr(host_end + 1));
}

/// The authority without a port that the scheme implies, so that both spellings compare equal.
std::string_view without_default_port(std::string_view authority, std::string_view port) {
  if (authority.ends_with(port)) authority.remove_suffix(port.size());
  return authority;
}

bool same_text(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

}  // namespace

bool RequestParser::refuse(int status, std::string_view problem) {
  status_ = status;
  problem_ = problem;
  state_ = ParseState::refused;
  return false;
}

void RequestParser::reset() {
  std::vector<Header> headers = std::move(head_.headers);
  headers.clear();
  head_ = RequestHead{};
  head_.headers = std::move(headers);
  base_ = nullptr;
  most_end_ = limits_.request_line_bytes + 1;
  line_start_ = scanned_ = fields_start_ = field_count_ = 0;
  absolute_host_ = problem_ = pseudo_authority_ = default_port_ = {};
  limit_.reset();
  status_ = 0;
  state_ = ParseState::incomplete;
  host_count_ = 0;
  trace_count_ = 0;
  has_request_line_ = skipped_blank_line_ = false;
  asks_keep_alive_ = asks_close_ = unknown_expectation_ = false;
}

void RequestParser::rebase(const char* base) {
  auto move = [&](std::string_view& view) {
    if (view.data() != nullptr) view = {base + (view.data() - base_), view.size()};
  };
  if (base_ != nullptr && base != base_) {
    move(head_.method_name);
    move(head_.target);
    if (head_.path.data() != root_path.data()) move(head_.path);
    move(head_.query);
    move(head_.host);
    move(absolute_host_);
    for (Header& header : head_.headers) {
      move(header.name);
      move(header.value);
    }
  }
  base_ = base;
}

ParseState RequestParser::parse(std::string_view input) {
  if (input.data() != base_) rebase(input.data());
  while (state_ == ParseState::incomplete) {
    const auto* newline =
        static_cast<const char*>(std::memchr(base_ + scanned_, '\n', input.size() - scanned_));
    const std::size_t end =
        newline != nullptr ? static_cast<std::size_t>(newline - base_) : input.size();
    // Raw bytes are compared, CR included, so that a line in parts is refused with the same status
    // as one that comes at once.
    if (end > most_end_) {
      refuse(has_request_line_ ? Limit::header_field_bytes : Limit::request_line_bytes);
      break;
    }
    if (newline == nullptr) {
      scanned_ = input.size();
      break;
    }
    if (end == line_start_ || newline[-1] != '\r') {
      refuse(400, "a line must end with CR LF");
      break;
    }
    const std::string_view line(base_ + line_start_, end - 1 - line_start_);
    line_start_ = scanned_ = end + 1;
    if (has_request_line_) {
      if (line.empty()) return finish();
      if (line_start_ - fields_start_ > limits_.header_bytes) {
        refuse(Limit::header_bytes);
        break;
      }
      if (!field_line(line)) break;
    } else if (!line.empty() || std::exchange(skipped_blank_line_, true)) {
      if (!request_line(line)) break;
      has_request_line_ = true;
      fields_start_ = line_start_;
    }
    most_end_ = line_start_ + 1 +
                (has_request_line_ ? limits_.header_field_bytes : limits_.request_line_bytes);
  }
  return state_;
}

bool RequestParser::refuse(Limit limit) {
  limit_ = limit;
  if (limit == Limit::request_line_bytes) return refuse(414, "the request line is too long");
  if (limit == Limit::header_count) return refuse(431, "there are too many header fields");
  return refuse(431, "the header fields are too large");
}

bool RequestParser::request_line(std::string_view line) {
  const char* const start = line.data();
  const char* const end = start + line.size();
  const char* const at = skip_class(start, end, char_token);
  if (at == start || at == end || *at != ' ') {
    return refuse(400, "the request line does not begin with a method");
  }
  head_.method_name = {start, at};
  head_.method = method_of(head_.method_name);
  const char* const target_start = at + 1;
  const char* target_end = end - std::min<std::ptrdiff_t>(9, end - start);
  if (*target_end != ' ') {  // no version of eight characters: find out what is wrong
    target_end = end;
    while (*--target_end != ' ') {
    }
  }
  if (target_end <= target_start)
    return refuse(400, "the request line has no target or no version");
  if (!version({target_end + 1, end})) return false;
  return target({target_start, target_end});
}

bool RequestParser::version(std::string_view text) {
  if (text == "HTTP/1.1") return true;
  if (text == "HTTP/1.0") return head_.http_1_0 = true;
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() == 8 && text.starts_with("HTTP/") && digit(text[5]) && text[6] == '.' &&
      digit(text[7])) {
    return refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  return refuse(400, "the HTTP version is malformed");
}

bool RequestParser::target(std::string_view text) {
  head_.target = text;
  if (head_.method == Method::other && head_.method_name == "CONNECT") {
    head_.form = TargetForm::authority;
    return is_authority(text) || refuse(400, "the target of CONNECT must be host:port");
  }
  if (text.front() == '/') return path_and_query(text);
  if (text == "*" && head_.method == Method::options) {
    head_.form = TargetForm::asterisk;
    head_.path = text;
    return true;
  }
  const bool http = text.size() > 7 && equals_lower(text.substr(0, 7), "http://");
  const bool https = text.size() > 8 && equals_lower(text.substr(0, 8), "https://");
  if (!http && !https) return refuse(400, "the request target must begin with '/'");
  head_.form = TargetForm::absolute;
  std::string_view rest = text.substr(http ? 7 : 8);
  const std::size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  absolute_host_ = rest.substr(0, authority_end);
  if (!is_authority(absolute_host_)) return refuse(400, "the authority of the target is malformed");
  rest.remove_prefix(authority_end);
  if (rest.starts_with('/')) return path_and_query(rest);
  if (!path_and_query(rest)) return false;
  head_.path = root_path;
  return true;
}

bool RequestParser::path_and_query(std::string_view text) {
  const char* const end = text.data() + text.size();
  const char* at = skip_class(text.data(), end, char_plain_path);
  while (at != end && *at != '?') {
    if (*at != '%' || percent_byte({at, end}, 0) <= 0) {
      return refuse(400, "the path has a character or percent-encoding that is not allowed");
    }
    head_.path_has_percent = true;
    at = skip_class(at + 1, end, char_plain_path);
  }
  head_.path = {text.data(), at};
  if (at == end) return true;
  head_.query = {at + 1, end};
  if (head_.query.empty() || all_of_class(head_.query, char_target)) return true;
  return refuse(400, "the query has a character that must be percent-encoded");
}

bool RequestParser::field_line(std::string_view line) {
  const char* const start = line.data();
  const char* const end = start + line.size();
  const char* at = skip_class(start, end, char_name);
  // Gateways turn both '-' and '_' into '_': such a name could pose as another, and is left out.
  const bool dropped = at != end && *at == '_';
  if (dropped) at = skip_class(at, end, char_token);
  if (at == start || at == end || *at != ':') {
    // Also a folded line (it begins with a blank) and a blank before the colon.
    return refuse(400, "a header field is malformed");
  }
  const std::string_view value(at + 1, end);
  if (!is_field_value(value)) return refuse(400, "a header value has a control character");
  if (++field_count_ > limits_.header_count) return refuse(Limit::header_count);
  if (dropped) return true;
  const std::string_view name(start, at);
  const std::string_view trimmed = trim_blanks(value);
  head_.headers.push_back({name, trimmed});
  return known_field(name, trimmed, static_cast<std::int16_t>(head_.headers.size() - 1));
}

bool RequestParser::known_field(std::string_view name, std::string_view value, std::int16_t index) {
  switch (name.size()) {
    case 4:
      if (!equals_lower(name, "host")) return true;
      head_.host = value;
      if (++host_count_ > 1) return refuse(400, "there is more than one Host");
      return is_authority(value) || refuse(400, "the Host is malformed");
    case 6:
      if (!equals_lower(name, "expect")) return true;
      head_.expects_continue = equals_lower(value, "100-continue");
      unknown_expectation_ |= !head_.expects_continue;
      return true;
    case 7:
      if (equals_lower(name, "baggage")) head_.baggage = index;
      return true;
    case 10:
      return !equals_lower(name, "connection") || connection(value);
    case 11:
      if (!equals_lower(name, "traceparent")) return true;
      head_.trace_parent = trace_count_++ == 0 ? index : std::int16_t{-1};
      return true;
    case 12:
      if (equals_lower(name, "content-type")) head_.content_type = index;
      if (equals_lower(name, "x-request-id")) head_.request_id = index;
      if (equals_lower(name, "grpc-timeout")) head_.timeout = index;
      return true;
    case 14:
      return !equals_lower(name, "content-length") || content_length(value);
    case 17:
      if (!equals_lower(name, "transfer-encoding")) return true;
      if (head_.chunked || !equals_lower(value, "chunked")) {
        return refuse(400, "the only Transfer-Encoding is 'chunked', once");
      }
      return head_.chunked = true;
    case 18:
      if (equals_lower(name, "request-timeout-ms")) head_.timeout = index;
      return true;
    default:
      return true;
  }
}

bool RequestParser::content_length(std::string_view value) {
  if (std::exchange(head_.has_content_length, true)) {
    return refuse(400, "there is more than one Content-Length");
  }
  const auto length = detail::parse_content_length(value);
  if (!length) return refuse(400, "the Content-Length is malformed");
  head_.content_length = *length;
  return true;
}

bool RequestParser::connection(std::string_view value) {
  detail::read_connection(value, asks_close_, asks_keep_alive_);
  return true;
}

bool RequestParser::begin(const PseudoHeaders& pseudo) {
  if (!all_of_class(pseudo.method, char_token)) return refuse(400, "the method is malformed");
  head_.method_name = pseudo.method;
  head_.method = method_of(pseudo.method);
  const bool connects = pseudo.method == "CONNECT";
  if (!connects && pseudo.scheme != "http" && pseudo.scheme != "https") {
    return refuse(400, "the scheme must be http or https");
  }
  if (!connects && !pseudo.path.starts_with('/') && pseudo.path != "*") {
    return refuse(400, "the path must begin with '/'");
  }
  if (!target(connects ? pseudo.authority : pseudo.path)) return false;
  default_port_ = pseudo.scheme == "https" ? ":443" : ":80";
  pseudo_authority_ = pseudo.authority;
  if (pseudo.authority.empty()) return true;
  if (!field("host", pseudo.authority)) return false;
  --host_count_;  // a Host of the same meaning may come as well
  return true;
}

bool RequestParser::field(std::string_view name, std::string_view value) {
  const bool dropped = name.find('_') != name.npos;
  if (!all_of_class(name, char_token)) return refuse(400, "a header field is malformed");
  if (!is_field_value(value)) return refuse(400, "a header value has a control character");
  if (name.size() + value.size() > limits_.header_field_bytes) {
    return refuse(431, "a header field is too large");
  }
  if (++field_count_ > limits_.header_count) return refuse(431, "there are too many header fields");
  if (dropped) return true;
  const std::string_view trimmed = trim_blanks(value);
  if (!pseudo_authority_.empty() && name.size() == 4 && equals_lower(name, "host") &&
      !head_.headers.empty()) {
    if (++host_count_ > 1) return refuse(400, "there is more than one Host");
    if (same_text(without_default_port(pseudo_authority_, default_port_),
                  without_default_port(trimmed, default_port_))) {
      return true;
    }
    return refuse(400, "the authority and the Host differ");
  }
  head_.headers.push_back({name, trimmed});
  return known_field(name, trimmed, static_cast<std::int16_t>(head_.headers.size() - 1));
}

ParseState RequestParser::finish() {
  if (host_count_ == 0 && !head_.http_1_0 && pseudo_authority_.empty()) {
    refuse(400, "the Host is missing");
  } else if (head_.chunked && (head_.has_content_length || head_.http_1_0)) {
    refuse(400, "Transfer-Encoding must not come with Content-Length or HTTP/1.0");
  } else if (head_.form == TargetForm::absolute && host_count_ == 1) {
    const std::string_view port = lower(head_.target[4]) == 's' ? ":443" : ":80";
    if (!same_text(without_default_port(absolute_host_, port),
                   without_default_port(head_.host, port))) {
      refuse(400, "the target and the Host differ");
    }
  }
  if (state_ == ParseState::refused) return state_;
  if (unknown_expectation_ && !head_.http_1_0) {
    refuse(417, "the only expectation is 100-continue");
    return state_;
  }
  if (head_.http_1_0) head_.expects_continue = false;
  head_.keep_alive = !asks_close_ && (!head_.http_1_0 || asks_keep_alive_);
  return state_ = ParseState::complete;
}

}  // namespace kit::http
