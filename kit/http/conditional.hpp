// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/http/message.hpp"

namespace kit::http {

/// An entity tag (RFC 9110 section 8.8.3) without its quotes.
struct EntityTag {
  bool is_weak = false;
  std::string_view opaque;
};

/// The whole of `text` as one tag: "\"7\"", "W/\"7\"". Nothing for anything else.
std::optional<EntityTag> parse_entity_tag(std::string_view text);
/// The next tag of a list (If-Match, If-None-Match); `list` becomes what follows it. Nothing at the
/// end and, with a rest that is not empty, where the list is malformed. Empty elements are skipped.
std::optional<EntityTag> next_entity_tag(std::string_view& list);

/// How tags are compared: strongly, neither may be weak.
enum class TagComparison : std::uint8_t { strong, weak };
enum class TagMatch : std::uint8_t { listed, unlisted, malformed };
/// Whether a list of tags, or "*", has `tag` (as sent, with quotes). A malformed list is
/// `malformed` even when what comes before the fault has the tag.
TagMatch match_tags(std::string_view list, std::string_view tag, TagComparison comparison);

/// An HTTP date in any of the three forms of RFC 9110 section 5.6.7, to the letter: case, blanks,
/// GMT and a weekday that fits. The two digits of a year are the nearest past or at most 50 years
/// ahead of `now`. Nothing for anything else.
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text,
                                                        std::chrono::sys_seconds now);
/// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string format_http_date(std::chrono::sys_seconds time);

/// What tells one state of a resource from another.
struct Validators {
  std::string_view etag;  ///< As sent, with quotes; empty: none.
  std::optional<std::chrono::sys_seconds> last_modified;
  bool exists = true;  ///< For "*": there is such a resource.
};

enum class Precondition : std::uint8_t {
  proceed,
  not_modified,  ///< 304: the client has what a GET would get.
  failed,        ///< 412.
};

/// The request's conditions, in the order of RFC 9110 section 13.2.2. A date that is none is no
/// condition; a malformed If-Match does not match.
Precondition evaluate_preconditions(const Request& request, const Validators& validators);

/// A part of a representation, both ends included.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t size() const { return last - first + 1; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// More ranges than this in one request are not looked at: it gets the whole.
inline constexpr std::size_t max_byte_ranges = 16;

/// What a Range field asks of a representation of `size` bytes. Nothing: it is not there for us
/// (another unit, malformed, too many, overlapping) and the answer is the whole. Empty: none can be
/// satisfied (416).
std::optional<std::vector<ByteRange>> parse_byte_ranges(std::string_view field, std::uint64_t size);

/// Which bytes an answer has: those that Range and If-Range of a GET ask for; for other methods,
/// and when the condition does not hold, all of them.
struct Selection {
  /// `text` (a boundary and its fields), then bytes of the representation.
  struct Part {
    std::string text;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };
  int status = 200;           ///< 200, 206 or 416.
  std::string content_range;  ///< Of one part, and of 416.
  std::string content_type;   ///< "multipart/byteranges; boundary=..."; empty: the resource's own.
  std::vector<Part> parts;

  std::uint64_t size() const;
};

/// For an answer whose content comes later: adds ETag, Last-Modified and Accept-Ranges and checks
/// the conditions. False: the answer is 304 or 412 now, and complete.
bool check_conditions(const Request& request, const Validators& validators, Response& response);
/// The second step: status and fields of the part that the request selects, which is returned.
/// Without parts the answer is 416 and complete.
Selection choose_part(const Request& request, const Validators& validators, std::uint64_t size,
                      Response& response);
/// Both steps for an answer with `body` or `static_body`, which is cut to what was selected.
void apply_conditions(const Request& request, const Validators& validators, Response& response);

}  // namespace kit::http
