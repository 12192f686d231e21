// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/entity_tag.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/http/conditional.hpp"

namespace kit::rest {
namespace {

constexpr std::int64_t never = -1;

Error bad_if_match() {
  return Error(Code::invalid_argument, "If-Match must be one entity tag, like \"7\", or *")
      .with_reason("IF_MATCH_INVALID");
}

Error stale(std::string_view why) {
  return Error(Code::aborted, "If-Match does not fit: " + std::string(why))
      .with_reason("VERSION_MISMATCH")
      .with_http_status(412);
}

bool is_hex_word(std::string_view word) {
  if (word.empty() || word.size() > 16 || (word.front() == '0' && word.size() > 1)) return false;
  return word.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// The version of "7" and "7-1f", exactly as `version_tag` writes them; what looks like one only is
/// a tag that no version has.
std::int64_t version_of(std::string_view opaque) {
  const std::size_t end = std::min(opaque.find('-'), opaque.size());
  const std::string_view digits = opaque.substr(0, end);
  const std::optional<long long> version = parse_int(digits);
  if (!version || *version < 1 || digits != std::to_string(*version)) return never;
  // Behind the version stands which of the fields the client read.
  while (!(opaque = opaque.substr(std::min(opaque.find('-'), opaque.size()))).empty()) {
    opaque.remove_prefix(1);
    if (!is_hex_word(opaque.substr(0, opaque.find('-')))) return never;
  }
  return *version;
}

Error unsupported(std::string_view header) {
  return Error(Code::invalid_argument,
               std::string(header) + " is not checked here: send the request without it")
      .with_reason("PRECONDITION_NOT_SUPPORTED");
}

/// Strong comparison: what is weak on either side never matches.
Result<> check_match(const http::Request& request, std::string_view tag) {
  const std::optional<std::string_view> header = request.header("If-Match");
  if (!header) return {};
  switch (http::match_tags(*header, tag, http::TagComparison::strong)) {
    case http::TagMatch::listed:
      return {};
    case http::TagMatch::unlisted:
      return stale("there is another version now");
    case http::TagMatch::malformed:
      break;
  }
  return bad_if_match();
}

}  // namespace

std::string version_tag(std::int64_t version, const FieldMask& shown) {
  std::string tag = "\"";
  tag.append(std::to_string(version));
  for (const std::uint64_t word : shown.words()) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), word, 16);
    tag.append("-").append(digits.data(), end.ptr);
  }
  tag.push_back('"');
  return tag;
}

std::string content_tag(std::string_view content) {
  // FNV-1a, 64 bits: a weak tag has to tell versions apart, not to withstand anybody.
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : content) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  std::string tag = "W/\"";
  for (int shift = 60; shift >= 0; shift -= 4)
    tag.push_back("0123456789abcdef"[hash >> shift & 15]);
  tag.push_back('"');
  return tag;
}

Result<std::optional<std::int64_t>> expected_version(const http::Request& request) {
  const std::optional<std::string_view> header = request.header("If-Match");
  // RFC 9110, 13.1.4: behind If-Match it counts for nothing.
  if (!header && request.header("If-Unmodified-Since")) return unsupported("If-Unmodified-Since");
  if (!header || trim(*header) == "*") return std::optional<std::int64_t>();
  std::string_view rest = *header;
  const std::optional<http::EntityTag> tag = http::next_entity_tag(rest);
  if (!tag || !rest.empty()) return bad_if_match();
  return std::optional<std::int64_t>(tag->is_weak ? never : version_of(tag->opaque));
}

Result<> refuse_version(const http::Request& request) {
  const Result<std::optional<std::int64_t>> version = expected_version(request);
  if (!version) return version.error().clone();
  if (*version) return stale("this entity has no versions");
  return {};
}

Result<> check_version(std::int64_t expected, std::int64_t current) {
  if (expected == current) return {};
  return stale("there is another version now");
}

Result<> refuse_conditions(const http::Request& request) {
  for (const std::string_view name : {"If-Match", "If-None-Match", "If-Unmodified-Since"}) {
    if (request.header(name)) return unsupported(name);
  }
  return {};
}

bool is_known(const http::Request& request, std::string_view tag) {
  const std::optional<std::string_view> header = request.header("If-None-Match");
  return header &&
         http::match_tags(*header, tag, http::TagComparison::weak) == http::TagMatch::listed;
}

void set_tag(http::Response& response, std::string tag) {
  response.headers.emplace_back("ETag", std::move(tag));
}

Result<> revalidate(const http::Request& request, http::Response& response) {
  const std::string& tag = response.headers.back().second;
  KIT_TRY(check_match(request, tag));
  if (!is_known(request, tag)) return {};
  response.status = 304;
  response.content_type = {};
  response.body.clear();
  return {};
}

bool has_none_match(const http::Request& request) {
  return request.header("If-None-Match").has_value();
}

Result<> refuse_known(const http::Request& request, const http::Response& current) {
  if (!is_known(request, current.headers.back().second)) return {};
  return Error(Code::aborted, "If-None-Match does not fit: it knows what is there")
      .with_reason("VERSION_KNOWN")
      .with_http_status(412);
}

}  // namespace kit::rest
