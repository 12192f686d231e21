// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/reply.hpp"

#include <bit>

#include "kit/adapters/redis/detail/errors.hpp"
#include "kit/base/text.hpp"

namespace kit::redis {

std::string_view name(Reply::Kind kind) {
  switch (kind) {
    case Reply::Kind::null:
      return "null";
    case Reply::Kind::text:
      return "text";
    case Reply::Kind::integer:
      return "integer";
    case Reply::Kind::real:
      return "real";
    case Reply::Kind::boolean:
      return "boolean";
    case Reply::Kind::array:
      return "array";
    case Reply::Kind::map:
      return "map";
    case Reply::Kind::push:
      return "push";
    case Reply::Kind::error:
      return "error";
  }
  return "unknown";
}

Reply Reply::real(double value) {
  return Reply(Kind::real, std::bit_cast<std::int64_t>(value));
}

Reply Reply::aggregate(Kind kind, std::vector<Reply> items) {
  Reply reply;
  reply.kind_ = kind;
  reply.items_ = std::move(items);
  return reply;
}

Error Reply::to_error() const {
  return detail::server_error(text_);
}

Error Reply::other_than(std::string_view wanted) const {
  if (is_error()) return to_error();
  return Error(Code::internal, "Redis answered with " + std::string(name(kind_)) + " where " +
                                   std::string(wanted) + " was expected")
      .with_reason("REDIS_UNEXPECTED_REPLY");
}

Result<std::string> Reply::as_text() const {
  if (kind_ == Kind::text) return text_;
  return other_than("text");
}

Result<std::optional<std::string>> Reply::as_optional_text() const {
  if (kind_ == Kind::text) return std::optional<std::string>(text_);
  if (is_null()) return std::optional<std::string>();
  return other_than("text or null");
}

Result<std::int64_t> Reply::as_integer() const {
  if (kind_ == Kind::integer || kind_ == Kind::boolean) return integer_;
  if (kind_ == Kind::text) {
    if (const auto number = parse_int(text_)) return static_cast<std::int64_t>(*number);
  }
  return other_than("an integer");
}

Result<double> Reply::as_real() const {
  if (kind_ == Kind::real) return std::bit_cast<double>(integer_);
  if (kind_ == Kind::integer) return static_cast<double>(integer_);
  if (kind_ == Kind::text) {
    if (const auto number = parse_double(text_)) return *number;
  }
  return other_than("a number");
}

Result<bool> Reply::as_boolean() const {
  const bool is_bit = kind_ == Kind::integer && (integer_ == 0 || integer_ == 1);
  if (kind_ == Kind::boolean || is_bit) return integer_ == 1;
  return other_than("true or false");
}

Result<std::vector<std::string>> Reply::as_texts() const {
  if (kind_ != Kind::array) return other_than("an array");
  std::vector<std::string> texts;
  texts.reserve(items_.size());
  for (const Reply& item : items_) {
    auto text = item.as_text();
    if (!text) return std::move(text).error();
    texts.push_back(std::move(*text));
  }
  return texts;
}

Result<std::vector<std::optional<std::string>>> Reply::as_optional_texts() const {
  if (kind_ != Kind::array) return other_than("an array");
  std::vector<std::optional<std::string>> texts;
  texts.reserve(items_.size());
  for (const Reply& item : items_) {
    auto text = item.as_optional_text();
    if (!text) return std::move(text).error();
    texts.push_back(std::move(*text));
  }
  return texts;
}

Result<std::vector<std::pair<std::string, std::string>>> Reply::as_pairs() const {
  if ((kind_ != Kind::array && kind_ != Kind::map) || items_.size() % 2 != 0)
    return other_than("a map");
  std::vector<std::pair<std::string, std::string>> pairs;
  pairs.reserve(items_.size() / 2);
  for (std::size_t i = 0; i < items_.size(); i += 2) {
    auto key = items_[i].as_text();
    if (!key) return std::move(key).error();
    auto value = items_[i + 1].as_text();
    if (!value) return std::move(value).error();
    pairs.emplace_back(std::move(*key), std::move(*value));
  }
  return pairs;
}

}  // namespace kit::redis
