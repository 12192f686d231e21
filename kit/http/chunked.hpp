// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kit/http/limits.hpp"

namespace kit::http {

/// Decodes a chunked body (RFC 9112 section 7.1); no I/O. Extensions are bounded and ignored,
/// trailers bounded and dropped.
class ChunkedDecoder {
 public:
  enum class State : std::uint8_t { incomplete, complete, refused };

  /// Starts a body of at most `max_body` bytes. Lifetime: `limits` outlives the body.
  void start(const Limits& limits, std::size_t max_body);
  /// Takes what it can of `input`, appends the decoded bytes to `body`, and says how many bytes of
  /// `input` it used.
  std::size_t decode(std::string_view input, std::string& body);

  State state() const { return state_; }
  /// Why it was refused: 400, 413 or 431.
  int status() const { return status_; }
  std::string_view problem() const { return problem_; }

 private:
  enum class Step : std::uint8_t {
    size_first,
    size,
    extension_start,  // behind ';'
    extension_name,
    extension_blank,  // behind a name that a blank ended
    extension_value_start,
    extension_value,
    extension_quoted,
    extension_escaped,
    extension_end,  // behind a quoted value
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_lf,
    end_lf
  };
  void step(char c);
  void size_byte(char c);
  void extension_byte(char c);
  void extension_follows(char c, bool may_have_value);
  void trailer_byte(char c);
  void expect(char c, char wanted, Step next);
  void size_known();
  void refuse(int status, std::string_view problem);

  const Limits* limits_ = nullptr;
  std::size_t max_body_ = 0;
  std::size_t decoded_ = 0;
  std::uint64_t left_ = 0;           // of the chunk that is read
  std::size_t extension_bytes_ = 0;  // of all chunks
  std::size_t trailer_bytes_ = 0;
  std::size_t trailer_count_ = 0;
  int digits_ = 0;
  int status_ = 0;
  std::string_view problem_;
  Step step_ = Step::size_first;
  State state_ = State::incomplete;
};

}  // namespace kit::http
