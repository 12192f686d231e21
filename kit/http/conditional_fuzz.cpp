// SPDX-License-Identifier: Apache-2.0
// Field values of any bytes: no crash, and what is understood keeps its bounds. The first byte is
// the size of the content.
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "kit/base/assert.hpp"
#include "kit/http/conditional.hpp"
#include "kit/http/encodings.hpp"

namespace {

using namespace kit::http;

void check_ranges(std::string_view text, std::uint64_t size) {
  auto ranges = parse_byte_ranges(text, size);
  if (!ranges) return;
  KIT_ASSERT(ranges->size() <= max_byte_ranges, "the ranges are limited");
  std::uint64_t sum = 0;
  for (const ByteRange& range : *ranges) {
    KIT_ASSERT(range.first <= range.last && range.last < size, "a range is within the content");
    sum += range.size();
  }
  KIT_ASSERT(sum <= size, "no byte is sent twice");
}

void check_date(std::string_view text) {
  const std::chrono::sys_seconds now = std::chrono::sys_days(std::chrono::year{2026} / 3 / 4);
  const auto date = parse_http_date(text, now);
  if (!date) return;
  KIT_ASSERT(parse_http_date(format_http_date(*date), now) == date, "a round trip");
}

void check_tags(std::string_view text) {
  std::string_view rest = text;
  std::size_t count = 0;
  while (const auto tag = next_entity_tag(rest)) {
    ++count;
    KIT_ASSERT(tag->opaque.find('"') == std::string_view::npos, "a tag ends at its quote");
  }
  KIT_ASSERT(count <= text.size() / 2, "each takes two bytes at least");
  if (match_tags(text, "\"a\"", TagComparison::strong) == TagMatch::listed) {
    KIT_ASSERT(match_tags(text, "\"a\"", TagComparison::weak) == TagMatch::listed,
               "what is equal strongly is weakly");
  }
}

void check_encodings(std::string_view text) {
  static constexpr std::array offered{Coding::zstd, Coding::br, Coding::gzip};
  const Header header{"Accept-Encoding", text};
  Request request;
  request.headers = {&header, 1};
  const Coding chosen = choose_coding(request, offered);
  KIT_ASSERT(chosen == Coding::identity || text.find('*') != std::string_view::npos ||
                 text.size() >= name(chosen).size(),
             "what nobody named is not chosen");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::vector<char> exact(data + 1, data + size);
  const std::string_view text(exact.data(), exact.size());
  check_ranges(text, data[0]);
  check_date(text);
  check_tags(text);
  check_encodings(text);
  return 0;
}
