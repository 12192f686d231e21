// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/resp.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>
#include <utility>

#include "kit/adapters/redis/detail/errors.hpp"

namespace kit::redis::detail {
namespace {

Error too_large(std::string_view what) {
  return Error(Code::unavailable, "a reply of Redis has " + std::string(what) +
                                      ": ask for less at once, or raise the limit")
      .with_reason("REDIS_REPLY_TOO_LARGE");
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_real(std::string_view text) {
  if (text == "inf" || text == "+inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  if (text == "nan" || text == "-nan") return std::numeric_limits<double>::quiet_NaN();
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || (text.front() != '-' && (text.front() < '0' || text.front() > '9')))
    return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

bool is_big_number(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

}  // namespace

Result<std::optional<Reply>> RespParser::next(std::string_view& input) {
  if (failure_) return failure_->clone();
  while (!input.empty() && !done_) {
    auto more = step(input);
    if (!more) {
      failure_.emplace(more.error().clone());
      return std::move(more).error();
    }
    if (!*more) break;
  }
  return std::exchange(done_, std::nullopt);
}

/// False when it takes more bytes.
Result<bool> RespParser::step(std::string_view& input) {
  return bulk_left_ ? take_bulk(input) : take_line(input);
}

Result<bool> RespParser::take_line(std::string_view& input) {
  const std::size_t end = input.find('\n');
  const std::string_view part = input.substr(0, end == input.npos ? end : end + 1);
  // With its type and its end.
  if (line_.size() + part.size() > limits_.line + 3)
    return too_large("a line of more than " + std::to_string(limits_.line) + " bytes");
  input.remove_prefix(part.size());
  if (end == input.npos) {
    line_ += part;
    return false;
  }
  std::string whole;
  std::string_view line = part;
  if (!line_.empty()) {
    whole = std::exchange(line_, {});
    whole += part;
    line = whole;
  }
  if (line.size() < 3 || line[line.size() - 2] != '\r')
    return protocol_error("a line that does not end with CR and LF");
  line.remove_suffix(2);
  if (line.size() - 1 > limits_.line)
    return too_large("a line of more than " + std::to_string(limits_.line) + " bytes");
  KIT_TRY(read_line(line));
  return true;
}

Result<> RespParser::read_line(std::string_view line) {
  const char type = line.front();
  const std::string_view rest = line.substr(1);
  if (rest.find('\r') != rest.npos) return protocol_error("a CR inside a line");
  switch (type) {
    case '+':
      return put(Reply::text(std::string(rest)));
    case '-':
      return put(Reply::error(std::string(rest)));
    case '(':
      if (!is_big_number(rest)) return protocol_error("a big number that is none");
      return put(Reply::text(std::string(rest)));
    case ':': {
      const auto value = parse_integer(rest);
      if (!value) return protocol_error("an integer that is none");
      return put(Reply::integer(*value));
    }
    case ',': {
      const auto value = parse_real(rest);
      if (!value) return protocol_error("a real number that is none");
      return put(Reply::real(*value));
    }
    case '#':
      if (rest != "t" && rest != "f") return protocol_error("a boolean that is neither t nor f");
      return put(Reply::boolean(rest == "t"));
    case '_':
      if (!rest.empty()) return protocol_error("a null with something in it");
      return put(Reply());
    case '$':
      return begin_bulk(Bulk::text, rest);
    case '=':
      return begin_bulk(Bulk::verbatim, rest);
    case '!':
      return begin_bulk(Bulk::error, rest);
    case '*':
    case '%':
    case '~':
    case '>':
    case '|':
      return begin_aggregate(type, rest);
    default:
      return protocol_error("a value of an unknown type");
  }
}

Result<std::size_t> RespParser::length(std::string_view text, std::size_t most,
                                       std::string_view what) const {
  if (text == "?") return protocol_error("a streamed value, which is not supported");
  const bool is_number = !text.empty() && text.front() >= '0' && text.front() <= '9';
  const auto number = is_number ? parse_integer(text) : std::nullopt;
  if (!number) return protocol_error("a length that is none");
  if (static_cast<std::uint64_t>(*number) > most) {
    return too_large(std::string(what) + " (at most " + std::to_string(most) + ")");
  }
  return static_cast<std::size_t>(*number);
}

Result<> RespParser::begin_bulk(Bulk kind, std::string_view text) {
  if (text == "-1" && kind == Bulk::text) return put(Reply());
  auto size = length(text, limits_.bulk, "a string of too many bytes");
  if (!size) return std::move(size).error();
  bulk_kind_ = kind;
  bulk_left_ = *size + 2;
  return {};
}

Result<bool> RespParser::take_bulk(std::string_view& input) {
  const std::size_t taken = std::min(*bulk_left_, input.size());
  if (bulk_.empty() && taken < *bulk_left_)
    bulk_.reserve(std::min<std::size_t>(*bulk_left_, 65'536));
  bulk_ += input.substr(0, taken);
  input.remove_prefix(taken);
  *bulk_left_ -= taken;
  if (*bulk_left_ > 0) return false;
  KIT_TRY(end_bulk());
  return true;
}

Result<> RespParser::end_bulk() {
  bulk_left_.reset();
  std::string text = std::exchange(bulk_, {});
  if (!text.ends_with("\r\n")) return protocol_error("a string that is longer than it said");
  text.resize(text.size() - 2);
  if (bulk_kind_ == Bulk::error) return put(Reply::error(std::move(text)));
  if (bulk_kind_ == Bulk::verbatim) {
    if (text.size() < 4 || text[3] != ':')
      return protocol_error("a verbatim string without its format");
    text.erase(0, 4);
  }
  return put(Reply::text(std::move(text)));
}

Result<> RespParser::begin_aggregate(char type, std::string_view text) {
  if (text == "-1" && type == '*') return put(Reply());
  const bool has_pairs = type == '%' || type == '|';
  const std::size_t most = limits_.elements / (has_pairs ? 2 : 1);
  auto size = length(text, most, "too many values");
  if (!size) return std::move(size).error();
  if (type == '>' && !open_.empty()) return protocol_error("a push inside another value");
  if (open_.size() >= limits_.depth) {
    return too_large("more than " + std::to_string(limits_.depth) + " arrays inside one another");
  }
  Open fresh;
  fresh.kind = type == '>' ? Reply::Kind::push : has_pairs ? Reply::Kind::map : Reply::Kind::array;
  fresh.left = *size * (has_pairs ? 2 : 1);
  fresh.is_attribute = type == '|';
  if (fresh.left == 0) {
    if (fresh.is_attribute) return {};
    return put(Reply::aggregate(fresh.kind, {}));
  }
  fresh.items.reserve(std::min<std::size_t>(fresh.left, 64));
  open_.push_back(std::move(fresh));
  return {};
}

Result<> RespParser::count(std::size_t bytes) {
  bytes_ += sizeof(Reply) + bytes;
  if (++elements_ > limits_.elements + 1)
    return too_large("more than " + std::to_string(limits_.elements) + " values");
  if (bytes_ > limits_.whole)
    return too_large("more than " + std::to_string(limits_.whole) + " bytes");
  return {};
}

/// A value has ended: it is the reply, or an item of the aggregate that is open, which it may end.
Result<> RespParser::put(Reply reply) {
  KIT_TRY(count(reply.bytes().size()));
  while (!open_.empty()) {
    Open& open = open_.back();
    open.items.push_back(std::move(reply));
    if (--open.left > 0) return {};
    Open ended = std::move(open);
    open_.pop_back();
    // What an attribute tells of comes behind it.
    if (ended.is_attribute) return {};
    reply = Reply::aggregate(ended.kind, std::move(ended.items));
    KIT_TRY(count(0));
  }
  done_ = std::move(reply);
  elements_ = 0;
  bytes_ = 0;
  return {};
}

void write_command(std::string& out, std::span<const std::string_view> words) {
  const auto length = [&out](char type, std::size_t number) {
    std::array<char, 24> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    out += type;
    out.append(text.data(), end);
    out += "\r\n";
  };
  length('*', words.size());
  for (const std::string_view word : words) {
    length('$', word.size());
    out += word;
    out += "\r\n";
  }
}

std::size_t command_size(std::span<const std::string_view> words) {
  const auto digits = [](std::size_t number) {
    std::size_t count = 1;
    while (number >= 10) number /= 10, ++count;
    return count;
  };
  std::size_t size = 3 + digits(words.size());
  for (const std::string_view word : words) size += 5 + digits(word.size()) + word.size();
  return size;
}

}  // namespace kit::redis::detail
