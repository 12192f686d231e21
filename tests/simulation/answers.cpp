// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/answers.hpp"

#include <charconv>
#include <optional>

namespace simulation {
namespace {

std::optional<std::size_t> number(std::string_view text, int base) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

AnswerReader::Step AnswerReader::fail(std::string problem) {
  problem_ = std::move(problem);
  return Step::malformed;
}

AnswerReader::Step AnswerReader::next(bool head, Answer& answer) {
  answer = Answer();
  const std::size_t head_end = rest_.find("\r\n\r\n");
  if (head_end == rest_.npos) {
    constexpr std::string_view start = "HTTP/1.1 ";
    const bool begins = rest_.substr(0, start.size()) == start.substr(0, rest_.size());
    return begins ? Step::incomplete : fail("no status line: " + std::string(rest_.substr(0, 40)));
  }
  std::string_view lines = rest_.substr(0, head_end + 2);
  const auto status = lines.size() > 13 ? number(lines.substr(9, 3), 10) : std::nullopt;
  if (!lines.starts_with("HTTP/1.1 ") || !status || lines[12] != ' ') {
    return fail("status line: " + std::string(rest_.substr(0, 40)));
  }
  answer.status = static_cast<int>(*status);
  bool chunked = false;
  std::optional<std::size_t> length;
  for (lines.remove_prefix(lines.find('\n') + 1); !lines.empty();
       lines.remove_prefix(lines.find('\n') + 1)) {
    const std::string_view line = lines.substr(0, lines.find('\r'));
    const std::size_t colon = line.find(": ");
    if (colon == line.npos || lines.substr(line.size(), 2) != "\r\n") return fail("field line");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 2);
    if (name == "Content-Length") {
      length = number(value, 10);
      if (!length) return fail("Content-Length: " + std::string(value));
    }
    if (name == "Transfer-Encoding") chunked = value == "chunked";
    if (name == "X-Request-Id") answer.request_id = value;
    if (name == "Connection") answer.closes = value == "close";
  }
  const std::string_view data = rest_.substr(head_end + 4);
  answer.length = length.value_or(0);
  const bool bodiless = head || answer.status == 204 || answer.status == 304;
  if (!bodiless && chunked) return chunks(data, answer);
  if (!bodiless && !length) return fail("an answer without a length");
  const std::size_t size = bodiless ? 0 : *length;
  answer.body = data.substr(0, size);
  if (data.size() < size) return Step::incomplete;
  rest_ = data.substr(size);
  return Step::answer;
}

AnswerReader::Step AnswerReader::chunks(std::string_view data, Answer& answer) {
  while (true) {
    const std::size_t end = data.find("\r\n");
    if (end == data.npos) return Step::incomplete;
    const auto size = number(data.substr(0, end), 16);
    if (!size) return fail("a chunk size: " + std::string(data.substr(0, 20)));
    data.remove_prefix(end + 2);
    answer.body += data.substr(0, *size);
    if (data.size() < *size + 2) return Step::incomplete;
    if (data.substr(*size, 2) != "\r\n") return fail("a chunk does not end with CR LF");
    data.remove_prefix(*size + 2);
    if (*size == 0) break;
  }
  rest_ = data;
  return Step::answer;
}

}  // namespace simulation
