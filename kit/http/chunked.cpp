// SPDX-License-Identifier: Apache-2.0
#include "kit/http/chunked.hpp"

#include <algorithm>

#include "kit/http/detail/chars.hpp"

namespace kit::http {
namespace {

constexpr int most_size_digits = 15;
/// Of all chunks of a body together: nobody needs more, and without a bound a byte of body could
/// cost any number.
constexpr std::size_t most_extension_bytes = 16 * 1024;

}  // namespace

void ChunkedDecoder::start(const Limits& limits, std::size_t max_body) {
  *this = ChunkedDecoder();
  limits_ = &limits;
  max_body_ = max_body;
}

void ChunkedDecoder::refuse(int status, std::string_view problem) {
  status_ = status;
  problem_ = problem;
  state_ = State::refused;
}

std::size_t ChunkedDecoder::decode(std::string_view input, std::string& body) {
  std::size_t at = 0;
  while (at < input.size() && state_ == State::incomplete) {
    if (step_ != Step::data) {
      step(input[at++]);
      continue;
    }
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - at));
    body.append(input.substr(at, count));
    at += count;
    left_ -= count;
    if (left_ == 0) step_ = Step::data_cr;
  }
  return at;
}

void ChunkedDecoder::expect(char c, char wanted, Step next) {
  if (c != wanted) return refuse(400, "a chunk is malformed");
  step_ = next;
}

void ChunkedDecoder::step(char c) {
  switch (step_) {
    case Step::size_first:
    case Step::size:
      return size_byte(c);
    case Step::extension_start:
    case Step::extension_name:
    case Step::extension_blank:
    case Step::extension_value_start:
    case Step::extension_value:
    case Step::extension_quoted:
    case Step::extension_escaped:
    case Step::extension_end:
      return extension_byte(c);
    case Step::size_lf:
      expect(c, '\n', Step::data);
      if (state_ == State::incomplete) size_known();
      return;
    case Step::data:
      return;
    case Step::data_cr:
      return expect(c, '\r', Step::data_lf);
    case Step::data_lf:
      return expect(c, '\n', Step::size_first);
    case Step::trailer_start:
    case Step::trailer_name:
    case Step::trailer_value:
      return trailer_byte(c);
    case Step::trailer_lf:
      return expect(c, '\n', Step::trailer_start);
    case Step::end_lf:
      expect(c, '\n', Step::end_lf);
      if (state_ == State::incomplete) state_ = State::complete;
      return;
  }
}

void ChunkedDecoder::size_byte(char c) {
  if (step_ == Step::size_first) {
    left_ = 0;
    digits_ = 0;
  }
  const int digit = detail::hex_digit(c);
  if (digit >= 0) {
    if (++digits_ > most_size_digits) return refuse(400, "a chunk size is too long");
    left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
    step_ = Step::size;
    return;
  }
  if (step_ == Step::size_first) return refuse(400, "a chunk has no size");
  if (c == '\r') {
    step_ = Step::size_lf;
  } else if (c == ';') {
    step_ = Step::extension_start;
  } else {
    refuse(400, "a chunk size is malformed");
  }
}

/// *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] ), but for blanks before the
/// first semicolon: those are where parsers of chunk sizes differ.
void ChunkedDecoder::extension_byte(char c) {
  if (c != '\r' && ++extension_bytes_ > most_extension_bytes) {
    return refuse(400, "the chunk extensions are too long");
  }
  const bool is_token = (detail::class_of(c) & detail::char_token) != 0;
  const bool is_blank = c == ' ' || c == '\t';
  switch (step_) {
    case Step::extension_start:
      if (is_token) step_ = Step::extension_name;
      if (is_token || is_blank) return;
      break;
    case Step::extension_name:
      if (is_blank) step_ = Step::extension_blank;
      if (is_token || is_blank) return;
      return extension_follows(c, true);
    case Step::extension_blank:
      if (is_blank) return;
      return extension_follows(c, true);
    case Step::extension_value_start:
      if (is_token) step_ = Step::extension_value;
      if (c == '"') step_ = Step::extension_quoted;
      if (is_token || is_blank || c == '"') return;
      break;
    case Step::extension_quoted:
      if (c == '"') step_ = Step::extension_end;
      if (c == '\\') step_ = Step::extension_escaped;
      if ((detail::class_of(c) & detail::char_control) == 0) return;
      break;
    case Step::extension_escaped:
      step_ = Step::extension_quoted;
      if ((detail::class_of(c) & detail::char_control) == 0) return;
      break;
    case Step::extension_value:
      if (is_blank) step_ = Step::extension_end;
      if (is_token || is_blank) return;
      return extension_follows(c, false);
    default:  // extension_end
      if (is_blank) return;
      return extension_follows(c, false);
  }
  refuse(400, "a chunk extension is malformed");
}

/// What may stand behind a name, or a value.
void ChunkedDecoder::extension_follows(char c, bool may_have_value) {
  if (c == '\r') {
    step_ = Step::size_lf;
  } else if (c == ';') {
    step_ = Step::extension_start;
  } else if (c == '=' && may_have_value) {
    step_ = Step::extension_value_start;
  } else {
    refuse(400, "a chunk extension is malformed");
  }
}

void ChunkedDecoder::size_known() {
  if (left_ == 0) {
    step_ = Step::trailer_start;
    return;
  }
  if (left_ > max_body_ - decoded_) return refuse(413, "the body is too large");
  decoded_ += static_cast<std::size_t>(left_);
}

void ChunkedDecoder::trailer_byte(char c) {
  if (++trailer_bytes_ > limits_->header_bytes) return refuse(431, "the trailers are too large");
  if (step_ == Step::trailer_start) {
    if (c == '\r') {
      step_ = Step::end_lf;
      return;
    }
    if (++trailer_count_ > limits_->header_count) return refuse(431, "there are too many trailers");
    if ((detail::class_of(c) & detail::char_token) == 0)
      return refuse(400, "a trailer is malformed");
    step_ = Step::trailer_name;
  } else if (step_ == Step::trailer_name) {
    if (c == ':') {
      step_ = Step::trailer_value;
    } else if ((detail::class_of(c) & detail::char_token) == 0) {
      refuse(400, "a trailer is malformed");
    }
  } else if (c == '\r') {
    step_ = Step::trailer_lf;
  } else if ((detail::class_of(c) & detail::char_control) != 0) {
    refuse(400, "a trailer has a control character");
  }
}

}  // namespace kit::http
