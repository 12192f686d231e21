// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/response_writer.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/http/detail/chars.hpp"
#include "kit/http/detail/fields.hpp"

namespace kit::http::detail {
namespace {

constexpr std::array<std::pair<int, std::string_view>, 39> status_lines = {{
    {101, "HTTP/1.1 101 Switching Protocols\r\n"},
    {201, "HTTP/1.1 201 Created\r\n"},
    {202, "HTTP/1.1 202 Accepted\r\n"},
    {204, "HTTP/1.1 204 No Content\r\n"},
    {206, "HTTP/1.1 206 Partial Content\r\n"},
    {301, "HTTP/1.1 301 Moved Permanently\r\n"},
    {302, "HTTP/1.1 302 Found\r\n"},
    {303, "HTTP/1.1 303 See Other\r\n"},
    {304, "HTTP/1.1 304 Not Modified\r\n"},
    {307, "HTTP/1.1 307 Temporary Redirect\r\n"},
    {308, "HTTP/1.1 308 Permanent Redirect\r\n"},
    {400, "HTTP/1.1 400 Bad Request\r\n"},
    {401, "HTTP/1.1 401 Unauthorized\r\n"},
    {403, "HTTP/1.1 403 Forbidden\r\n"},
    {404, "HTTP/1.1 404 Not Found\r\n"},
    {405, "HTTP/1.1 405 Method Not Allowed\r\n"},
    {406, "HTTP/1.1 406 Not Acceptable\r\n"},
    {408, "HTTP/1.1 408 Request Timeout\r\n"},
    {409, "HTTP/1.1 409 Conflict\r\n"},
    {410, "HTTP/1.1 410 Gone\r\n"},
    {412, "HTTP/1.1 412 Precondition Failed\r\n"},
    {413, "HTTP/1.1 413 Content Too Large\r\n"},
    {414, "HTTP/1.1 414 URI Too Long\r\n"},
    {415, "HTTP/1.1 415 Unsupported Media Type\r\n"},
    {416, "HTTP/1.1 416 Range Not Satisfiable\r\n"},
    {417, "HTTP/1.1 417 Expectation Failed\r\n"},
    {422, "HTTP/1.1 422 Unprocessable Content\r\n"},
    {426, "HTTP/1.1 426 Upgrade Required\r\n"},
    {428, "HTTP/1.1 428 Precondition Required\r\n"},
    {429, "HTTP/1.1 429 Too Many Requests\r\n"},
    {431, "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
    {499, "HTTP/1.1 499 Client Closed Request\r\n"},
    {500, "HTTP/1.1 500 Internal Server Error\r\n"},
    {501, "HTTP/1.1 501 Not Implemented\r\n"},
    {502, "HTTP/1.1 502 Bad Gateway\r\n"},
    {503, "HTTP/1.1 503 Service Unavailable\r\n"},
    {504, "HTTP/1.1 504 Gateway Timeout\r\n"},
    {505, "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
    {507, "HTTP/1.1 507 Insufficient Storage\r\n"},
}};

/// Empty for a status without a line of its own.
std::string_view status_line(int status) {
  const auto found =
      std::ranges::lower_bound(status_lines, status, {}, &std::pair<int, std::string_view>::first);
  return found != status_lines.end() && found->first == status ? found->second : std::string_view();
}

char* put(char* to, std::string_view text) {
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

/// `text` is nearly always `Usual` bytes long: copied without a call.
template <std::size_t Usual>
char* put_usual(char* to, std::string_view text) {
  if (text.size() != Usual) return put(to, text);
  std::memcpy(to, text.data(), Usual);
  return to + Usual;
}

char* put_status(char* to, int status) {
  if (status == 200) return put(to, "HTTP/1.1 200 OK\r\n");
  if (std::string_view line = status_line(status); !line.empty()) return put(to, line);
  to = put(to, "HTTP/1.1 ");
  to = std::to_chars(to, to + 4, status).ptr;
  return put(to, " \r\n");  // the reason may be empty, the blank before it not
}

/// Written by the server itself, or about how the message is framed.
bool is_reserved(std::string_view name) {
  switch (name.size()) {
    case 4:
      return equals_lower(name, "date");
    case 7:
      return equals_lower(name, "trailer") || equals_lower(name, "upgrade");
    case 10:
      return equals_lower(name, "connection") || equals_lower(name, "keep-alive");
    case 12:
      return equals_lower(name, "x-request-id");
    case 14:
      return equals_lower(name, "content-length");
    case 17:
      return equals_lower(name, "transfer-encoding");
    default:
      return false;
  }
}

std::size_t most_bytes(const Response& response, const ResponseOptions& options) {
  // Status line, names, blanks, line ends and the length fit in 256.
  std::size_t most = 256 + options.upgrade.size() + options.date_line.size() +
                     options.request_id.size() + response.content_type.size();
  if (options.defaults != nullptr) most += options.defaults->size();
  for (const auto& [name, value] : response.headers) most += name.size() + value.size() + 4;
  for (const auto& field : options.guard_fields) most += field.name.size() + field.size + 4u;
  return most;
}

char* put_header(char* to, std::string_view name, std::string_view value) {
  if (!is_settable(name)) return to;
  to = put(put(to, name), ": ");
  return put(put_value(to, value), "\r\n");
}

char* put_headers(char* to, const Response& response) {
  for (const auto& [name, value] : response.headers) to = put_header(to, name, value);
  return to;
}

char* put_framing(char* to, const Response& response, const ResponseOptions& options) {
  std::uint64_t length =
      response.static_body.empty() ? response.body.size() : response.static_body.size();
  if (options.framing != BodyFraming::whole) [[unlikely]] {
    if (options.framing == BodyFraming::chunked) return put(to, "Transfer-Encoding: chunked\r\n");
    if (options.framing == BodyFraming::unframed) return to;
    length = options.stream_bytes;
  }
  to = put(to, "Content-Length: ");
  return put(std::to_chars(to, to + 20, length).ptr, "\r\n");
}

/// A 426 must name what to upgrade to, and HTTP/1.0 knows no upgrades (RFC 9110 sections 7.8 and
/// 15.5.22).
const std::string* offered_protocol(const Response& response, const ResponseOptions& options) {
  if (response.status != 426 || options.says_keep_alive) return nullptr;
  return find_field(response, "Upgrade");
}

}  // namespace

bool is_settable(std::string_view name) {
  return all_of_class(name, char_token) && !is_reserved(name);
}

char* put_value(char* to, std::string_view value) {
  if (is_field_value(value)) return put(to, value);
  for (char c : value) *to++ = (class_of(c) & char_control) != 0 ? ' ' : c;
  return to;
}

void DateLine::render(Clock::time_point now) {
  using namespace std::chrono;
  constexpr std::string_view days = "SunMonTueWedThuFriSat";
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto wall = system_clock::now();
  const auto second = floor<seconds>(wall);
  const auto day = floor<std::chrono::days>(second);
  const year_month_day date(day);
  const hh_mm_ss time(second - day);
  next_ = now + duration_cast<Clock::duration>(second + seconds(1) - wall);

  char* to = line_.data();
  auto two = [&](long long number) {
    *to++ = static_cast<char>('0' + number / 10 % 10);
    *to++ = static_cast<char>('0' + number % 10);
  };
  to = put(put(to, "Date: "), days.substr(std::size_t{weekday(day).c_encoding()} * 3, 3));
  to = put(to, ", ");
  two(static_cast<unsigned>(date.day()));
  to = put(put(put(to, " "),
               months.substr((std::size_t{static_cast<unsigned>(date.month())} - 1) * 3, 3)),
           " ");
  const int year = static_cast<int>(date.year());
  two(year / 100);
  two(year % 100);
  *to++ = ' ';
  two(time.hours().count());
  *to++ = ':';
  two(time.minutes().count());
  *to++ = ':';
  two(time.seconds().count());
  put(to, " GMT\r\n");
}

DefaultHeaders::DefaultHeaders(const std::vector<std::pair<std::string, std::string>>& headers) {
  for (const auto& [name, value] : headers) {
    std::string text(name.size() + value.size() + 4, '\0');
    text.resize(static_cast<std::size_t>(put_header(text.data(), name, value) - text.data()));
    all_ += text;
    if (!text.empty()) lines_.push_back({to_lower(name), std::move(text)});
  }
}

char* DefaultHeaders::put_missing(char* to, const Response& response) const {
  if (response.headers.empty()) return put(to, all_);
  for (const Line& line : lines_) {
    if (lacks(response, line)) to = put(to, line.text);
  }
  return to;
}

bool DefaultHeaders::lacks(const Response& response, const Line& line) {
  return !has_field(response, line.name);
}

bool has_field(const Response& response, std::string_view lower_case_name) {
  return std::ranges::any_of(response.headers, [&](const auto& header) {
    return header.first.size() == lower_case_name.size() &&
           equals_lower(header.first, lower_case_name);
  });
}

std::size_t append_response(std::string& out, const Response& response,
                            const ResponseOptions& options, std::string_view small_body) {
  const std::size_t start = out.size();
  const std::size_t most = most_bytes(response, options) + small_body.size();
  if (out.capacity() < start + most) out.reserve(std::max(start + most, out.capacity() * 2));
  out.resize_and_overwrite(start + most, [&](char* data, std::size_t) {
    char* to = put_status(data + start, response.status);
    to = put_usual<37>(to, options.date_line);
    if (has_body(response.status)) {
      if (!response.content_type.empty()) {
        to = put_value(put(to, "Content-Type: "), response.content_type);
        to = put(to, "\r\n");
      }
      to = put_framing(to, response, options);
    }
    if (!options.request_id.empty()) {
      to = put(put_usual<16>(put(to, "X-Request-Id: "), options.request_id), "\r\n");
    }
    if (!response.headers.empty()) to = put_headers(to, response);
    for (const auto& field : options.guard_fields) {
      if (has_field(response, field.name)) continue;
      to = put(put_value(put(put(to, field.name), ": "), field.value()), "\r\n");
    }
    if (options.defaults != nullptr) to = options.defaults->put_missing(to, response);
    if (!options.upgrade.empty()) [[unlikely]] {
      to = put(put(to, "Connection: Upgrade\r\nUpgrade: "), options.upgrade);
      to = put(to, "\r\n");
    } else if (const std::string* offered = offered_protocol(response, options)) [[unlikely]] {
      to = put(put_value(put(to, "Upgrade: "), *offered), "\r\nConnection: Upgrade");
      to = put(to, options.close ? ", close\r\n" : "\r\n");
    } else if (options.close) {
      to = put(to, "Connection: close\r\n");
    } else if (options.says_keep_alive) {
      to = put(to, "Connection: keep-alive\r\n");
    }
    to = put(put(to, "\r\n"), small_body);
    return static_cast<std::size_t>(to - data);
  });
  return out.size() - start - small_body.size();
}

bool asks_close(const Response& response) {
  for (const auto& [name, value] : response.headers) {
    if (equals_lower(name, "connection") && equals_lower(value, "close")) return true;
  }
  return false;
}

}  // namespace kit::http::detail
