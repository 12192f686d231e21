// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"

namespace kit::http {

/// The boundary of a "multipart/form-data; boundary=..." content type. Fails with
/// `invalid_argument` (MULTIPART_MALFORMED) when there is none, two, or one that RFC 2046 forbids,
/// and with HTTP status 415 for another media type.
Result<std::string> multipart_boundary(std::string_view content_type);

struct MultipartLimits {
  std::size_t parts = 100;              ///< 413.
  std::size_t header_bytes = 8 * 1024;  ///< Of one part; 400.
  std::size_t header_count = 16;        ///< Of one part; 400.
  std::size_t name_bytes = 256;         ///< Of a field's or file's name; 400.
};

/// What a part says of itself.
struct PartHead {
  std::string name;
  std::optional<std::string> filename;  ///< Without any folders; nothing: a plain field.
  std::string content_type;             ///< As sent; empty: not said.
};

/// The parts of a form in any pieces (RFC 7578), by the letter: what two readers could understand
/// differently (text before the first boundary, folded or bare line ends, a field twice, filename*)
/// is refused. Knows no sockets and keeps no content. Thread safety: none.
class MultipartParser {
 public:
  enum class State : std::uint8_t {
    incomplete,  ///< All bytes were taken; more are needed.
    part_begin,  ///< `part()` is there.
    data,        ///< `data()` is a piece of its content.
    part_end,
    complete,  ///< Behind the last boundary; what follows is taken and ignored.
    failed,    ///< For good; `error()` says why.
  };

  explicit MultipartParser(std::string_view boundary, const MultipartLimits& limits = {});

  /// Takes bytes until there is something to tell or they end; returns how many. Call it again
  /// (with the rest, also when that is empty) until it is `incomplete`, `complete` or `failed`.
  std::size_t parse(std::string_view bytes);
  State state() const { return state_; }
  const PartHead& part() const { return part_; }
  /// Lifetime: until the next `parse`, and no longer than the bytes that were given.
  std::string_view data() const { return data_; }
  /// Only when `failed`: `invalid_argument`, with HTTP status 413 when a limit was passed.
  Error error() const;

 private:
  enum class Phase : std::uint8_t {
    content,
    after_delimiter,
    closing,
    padding,
    head,
    last_line,  // behind the last boundary
    epilogue
  };

  std::size_t count_content(std::string_view bytes) const;
  std::size_t parse_content(std::string_view bytes);
  std::size_t parse_line(std::string_view bytes);
  std::size_t parse_last_line(std::string_view bytes);
  void end_delimiter();
  void end_line();
  void end_head();
  void fail(std::string_view problem, int status = 400);

  std::string delimiter_;  // CR LF "--" boundary
  MultipartLimits limits_;
  State state_ = State::incomplete;
  Phase phase_ = Phase::content;
  std::size_t matched_ = 2;   // of the delimiter: the first needs no line end before it
  std::size_t borrowed_ = 0;  // of what matched: bytes that are no content, but a head's line end
  bool in_part_ = false;
  std::string_view data_;
  std::string line_;
  std::size_t head_bytes_ = 0;
  std::size_t head_count_ = 0;
  std::size_t parts_ = 0;
  bool has_disposition_ = false;
  PartHead part_;
  std::string_view problem_;
  int status_ = 400;
};

}  // namespace kit::http
