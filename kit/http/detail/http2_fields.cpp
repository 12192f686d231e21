// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/http2_fields.hpp"

#include <array>
#include <charconv>
#include <cstdint>

#include "kit/http/detail/chars.hpp"

namespace kit::http::detail {
namespace {

/// "Date: " before and CR LF behind it.
std::string_view date_of(std::string_view line) {
  return line.substr(6, line.size() - 8);
}

/// Status and length, in digits.
constexpr std::size_t most_number_bytes = 2 * 20;

}  // namespace

void Http2Fields::set(const Response& response, const ResponseOptions& options) {
  fields_.clear();
  bytes_ = 0;
  std::size_t most = most_number_bytes + response.content_type.size();
  for (const auto& [name, value] : response.headers) most += name.size() + value.size();
  for (const auto& field : options.guard_fields) most += field.name.size() + field.size;
  texts_.clear();
  texts_.reserve(most);
  add_number(":status", static_cast<std::uint64_t>(response.status));
  if (response.status < 200) return;
  add("date", date_of(options.date_line));
  if (has_body(response.status)) {
    if (!response.content_type.empty()) add_header("content-type", response.content_type);
    add_framing(response, options);
  }
  if (!options.request_id.empty())
    add("x-request-id", options.request_id, NGHTTP2_NV_FLAG_NO_INDEX);
  for (const auto& [name, value] : response.headers) {
    if (is_settable(name)) add_header(name, value);
  }
  for (const auto& field : options.guard_fields) {
    if (!has_field(response, field.name)) add_header(field.name, field.value());
  }
  if (options.defaults == nullptr) return;
  options.defaults->for_missing(
      response, [this](std::string_view name, std::string_view value) { add(name, value); });
}

/// `flags`: NO_INDEX for what never comes again, so that it does not push anything out of the
/// client's table.
void Http2Fields::add(std::string_view name, std::string_view value, std::uint8_t flags) {
  // The session only reads what it is given here.
  auto bytes_of = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  fields_.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), flags});
  bytes_ += name.size() + value.size();
}

void Http2Fields::add_header(std::string_view name, std::string_view value) {
  const std::size_t at = texts_.size();
  for (char c : name) texts_.push_back(lower(c));
  texts_.resize(texts_.size() + value.size());
  char* const to = texts_.data() + at;
  put_value(to + name.size(), value);
  add({to, name.size()}, trim_blanks({to + name.size(), value.size()}));
}

void Http2Fields::add_number(std::string_view name, std::uint64_t number) {
  std::array<char, 20> digits;
  const char* const end = std::to_chars(digits.begin(), digits.end(), number).ptr;
  const std::size_t at = texts_.size();
  texts_.append(static_cast<const char*>(digits.data()), end);
  add(name, std::string_view(texts_).substr(at));
}

void Http2Fields::add_framing(const Response& response, const ResponseOptions& options) {
  if (options.framing == BodyFraming::whole) {
    add_number("content-length",
               response.static_body.empty() ? response.body.size() : response.static_body.size());
  } else if (options.framing == BodyFraming::sized) {
    add_number("content-length", options.stream_bytes);
  }
}

}  // namespace kit::http::detail
