// SPDX-License-Identifier: Apache-2.0
#include "kit/http/multipart.hpp"

#include <algorithm>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/http/detail/chars.hpp"
#include "kit/http/detail/part_head.hpp"

namespace kit::http {
namespace {

constexpr std::size_t max_boundary_bytes = 70;  // RFC 2046 section 5.1.1

Error malformed(std::string_view problem) {
  return Error(Code::invalid_argument, "the form is malformed: " + std::string(problem))
      .with_reason("MULTIPART_MALFORMED");
}

bool is_boundary(std::string_view text) {
  constexpr std::string_view marks = "'()+_,-./:=? ";
  if (text.empty() || text.size() > max_boundary_bytes || text.ends_with(' ')) return false;
  return std::ranges::all_of(text, [&](char c) {
    const char small = detail::lower(c);
    return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
  });
}

bool is_plain_encoding(std::string_view encoding) {
  return iequals(encoding, "binary") || iequals(encoding, "8bit") || iequals(encoding, "7bit");
}

}  // namespace

Result<std::string> multipart_boundary(std::string_view content_type) {
  std::optional<detail::Parameterized> parsed = detail::parse_parameterized(content_type);
  if (!iequals(detail::trim_blanks(content_type.substr(0, content_type.find(';'))),
               "multipart/form-data")) {
    return Error(Code::invalid_argument, "the body is not multipart/form-data")
        .with_reason("UNSUPPORTED_MEDIA_TYPE")
        .with_http_status(415);
  }
  if (!parsed) return malformed("the content type is not well-formed");
  for (auto& [name, value] : parsed->parameters) {
    if (name != "boundary") continue;
    if (!is_boundary(value)) return malformed("the boundary is not a valid one");
    return std::move(value);
  }
  return malformed("the content type names no boundary");
}

MultipartParser::MultipartParser(std::string_view boundary, const MultipartLimits& limits)
    : delimiter_("\r\n--"), limits_(limits) {
  delimiter_ += boundary;
}

void MultipartParser::fail(std::string_view problem, int status) {
  state_ = State::failed;
  problem_ = problem;
  status_ = status;
}

Error MultipartParser::error() const {
  if (status_ == 413) {
    return Error(Code::invalid_argument, "the form has too many parts")
        .with_reason("TOO_MANY_PARTS")
        .with_http_status(413);
  }
  return malformed(problem_);
}

std::size_t MultipartParser::parse(std::string_view bytes) {
  if (state_ == State::failed) return 0;
  if (phase_ == Phase::epilogue) {
    state_ = State::complete;
    return bytes.size();
  }
  state_ = State::incomplete;
  data_ = {};
  std::size_t used = 0;
  while (state_ == State::incomplete && used < bytes.size()) {
    const std::string_view rest = bytes.substr(used);
    switch (phase_) {
      case Phase::content:
        used += parse_content(rest);
        break;
      case Phase::after_delimiter:
        phase_ = rest.front() == '-' ? Phase::closing : Phase::padding;
        used += phase_ == Phase::closing ? 1 : 0;
        line_.clear();
        break;
      case Phase::closing:
        if (rest.front() != '-') {
          fail("a line begins like a boundary but is none");
          break;
        }
        ++used;
        phase_ = Phase::last_line;
        if (parts_ > 0) state_ = State::part_end;
        break;
      case Phase::last_line:
        used += parse_last_line(rest);
        break;
      case Phase::padding:
      case Phase::head:
        used += parse_line(rest);
        break;
      case Phase::epilogue:
        return bytes.size();
    }
  }
  // The form may end here, but not within a line end.
  if (phase_ == Phase::last_line && state_ == State::incomplete && line_.empty())
    state_ = State::complete;
  return used;
}

/// Blanks and a line end: what else stands behind the last boundary, others take for content.
std::size_t MultipartParser::parse_last_line(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (line_.empty() && (c == ' ' || c == '\t')) continue;
    if (c != (line_.empty() ? '\r' : '\n')) {
      fail("a line begins like a boundary but is none");
      return i;
    }
    if (!line_.empty()) {
      phase_ = Phase::epilogue;
      state_ = State::complete;
      return i + 1;
    }
    line_ = c;
  }
  return bytes.size();
}

/// How many bytes come before the first place where the delimiter is or, at the end, may begin.
std::size_t MultipartParser::count_content(std::string_view bytes) const {
  std::size_t at = bytes.find('\r');
  while (at != std::string_view::npos &&
         !std::string_view(delimiter_).starts_with(bytes.substr(at, delimiter_.size())))
    at = bytes.find('\r', at + 1);
  return std::min(at, bytes.size());
}

/// Content up to the delimiter, which begins with the only CR that is in it: where it breaks off,
/// it can begin again only at the byte that did not fit.
std::size_t MultipartParser::parse_content(std::string_view bytes) {
  if (matched_ == 0) {
    const std::size_t count = count_content(bytes);
    if (count > 0) {
      data_ = bytes.substr(0, count);
      state_ = State::data;
      return count;
    }
  }
  std::size_t used = 0;
  while (used < bytes.size() && matched_ < delimiter_.size() &&
         bytes[used] == delimiter_[matched_]) {
    ++used;
    ++matched_;
  }
  if (matched_ == delimiter_.size()) {
    end_delimiter();
  } else if (used < bytes.size()) {
    if (!in_part_) {
      fail("it does not begin with its boundary");
      return used;
    }
    data_ = std::string_view(delimiter_).substr(0, matched_).substr(borrowed_);
    if (!data_.empty()) state_ = State::data;
    matched_ = borrowed_ = 0;
  }
  return used;
}

void MultipartParser::end_delimiter() {
  matched_ = borrowed_ = 0;
  phase_ = Phase::after_delimiter;
}

/// One line of a part's head, or what follows a delimiter in its line.
std::size_t MultipartParser::parse_line(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (++head_bytes_ > limits_.header_bytes) {
      fail("the head of a part is too large");
      return i;
    }
    if (line_.ends_with('\r')) {
      if (c != '\n') {
        fail("a line of a head does not end in CR LF");
        return i;
      }
      line_.pop_back();
      end_line();
      return i + 1;
    }
    if (c == '\n' || c == '\0') {
      fail("a head has a bare line end or a NUL");
      return i;
    }
    line_.push_back(c);
  }
  return bytes.size();
}

void MultipartParser::end_line() {
  const std::string line = std::exchange(line_, {});
  if (phase_ == Phase::padding) {
    if (!detail::trim_blanks(line).empty())
      return fail("a line begins like a boundary but is none");
    if (std::exchange(in_part_, false)) state_ = State::part_end;
    if (++parts_ > limits_.parts) return fail("it has too many parts", 413);
    phase_ = Phase::head;
    head_count_ = 0;
    has_disposition_ = false;
    part_ = {};
    return;
  }
  if (line.empty()) return end_head();
  if (++head_count_ > limits_.header_count) return fail("a part has too many header fields");
  const std::size_t colon = line.find(':');
  const std::string_view name = std::string_view(line).substr(0, colon);
  if (colon == std::string::npos || !detail::all_of_class(name, detail::char_token))
    return fail("a header field of a part is malformed");
  const std::string_view value = detail::trim_blanks(std::string_view(line).substr(colon + 1));
  if (iequals(name, "Content-Disposition")) {
    if (std::exchange(has_disposition_, true)) return fail("a part has two Content-Dispositions");
    const std::string_view problem = detail::apply_disposition(value, limits_, part_);
    if (!problem.empty()) fail(problem);
  } else if (!detail::is_field_value(value)) {
    fail("a header field of a part has control characters");
  } else if (iequals(name, "Content-Type")) {
    if (!part_.content_type.empty()) return fail("a part has two Content-Types");
    part_.content_type = value;
  } else if (iequals(name, "Content-Transfer-Encoding") && !is_plain_encoding(value)) {
    fail("a part has a transfer encoding");
  }
}

void MultipartParser::end_head() {
  if (!has_disposition_) return fail("a part has no Content-Disposition");
  in_part_ = true;
  phase_ = Phase::content;
  // An empty part's delimiter follows the head's empty line at once, which then is its line end.
  matched_ = borrowed_ = 2;
  head_bytes_ = 0;
  state_ = State::part_begin;
}

}  // namespace kit::http
