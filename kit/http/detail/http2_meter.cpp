// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/http2_meter.hpp"

#include <algorithm>
#include <cstring>

namespace kit::http::detail {
namespace {

// RFC 9113 section 6.
enum FrameType : unsigned char {
  data = 0,
  headers = 1,
  rst_stream = 3,
  settings = 4,
  ping = 6,
  goaway = 7,
  continuation = 9
};
constexpr unsigned char end_stream_flag = 0x1;
constexpr unsigned char end_headers_flag = 0x4;
/// Fewer resets say nothing about how they compare with answers.
constexpr std::uint64_t fewest_compared_resets = 100;
constexpr std::uint32_t earned_by_frame = 10;
constexpr std::uint32_t most_earned = 10'000;

}  // namespace

std::string_view Http2Meter::look(std::string_view bytes, Clock::time_point now) {
  while (!bytes.empty()) {
    if (payload_left_ > 0) {
      const std::size_t skipped = std::min(payload_left_, bytes.size());
      bytes.remove_prefix(skipped);
      payload_left_ -= skipped;
      if (payload_left_ == 0) end_frame();
      continue;
    }
    const std::size_t taken = std::min(header_bytes - header_has_, bytes.size());
    std::memcpy(header_.data() + header_has_, bytes.data(), taken);
    bytes.remove_prefix(taken);
    header_has_ += taken;
    if (header_has_ < header_bytes) return {};
    header_has_ = 0;
    payload_left_ = std::size_t{header_[0]} << 16 | std::size_t{header_[1]} << 8 | header_[2];
    if (const std::string_view problem = begin_frame(now); !problem.empty()) return problem;
    if (payload_left_ == 0) end_frame();
  }
  return {};
}

std::string_view Http2Meter::past(Limit limit, std::string_view why) {
  limit_ = limit;
  return why;
}

bool Http2Meter::exceeds(Rate& rate, std::uint32_t most, Clock::time_point now) const {
  if (now - rate.start >= limits_.http2_rate_window) rate = {now, 0};
  return ++rate.count > most;
}

std::string_view Http2Meter::begin_frame(Clock::time_point now) {
  const unsigned char flags = header_[4];
  switch (header_[3]) {
    case data:
      return count_data(payload_left_, (flags & end_stream_flag) != 0);
    case headers:
    case continuation:
      return count_header_block(header_[3] == continuation, (flags & end_headers_flag) != 0);
    case rst_stream:
      return count_reset(now);
    case settings:
    case ping:
      if (!exceeds(pings_, limits_.http2_pings, now)) return {};
      return past(Limit::http2_pings, "too many PING or SETTINGS frames");
    case goaway:
      return {};
    default:
      if (earned_ > 0) {
        --earned_;
        return {};
      }
      if (!exceeds(others_, limits_.http2_control_frames, now)) return {};
      return past(Limit::http2_control_frames, "too many frames that carry no request");
  }
}

std::string_view Http2Meter::count_data(std::size_t length, bool ends_stream) {
  if (length > 0 || ends_stream) {
    empty_frames_ = 0;
    return {};
  }
  if (++empty_frames_ <= limits_.http2_empty_frames) return {};
  return past(Limit::http2_empty_frames, "too many empty DATA frames");
}

std::string_view Http2Meter::count_header_block(bool continues, bool ends) {
  if (!continues) {
    ++header_blocks_;
    continuations_ = 0;
  } else if (++continuations_ > limits_.http2_continuations) {
    return past(Limit::http2_continuations, "too many CONTINUATION frames");
  }
  const std::uint32_t stream = std::uint32_t{header_[5] & 0x7FU} << 24 |
                               std::uint32_t{header_[6]} << 16 | std::uint32_t{header_[7]} << 8 |
                               header_[8];
  if (is_passed_over(stream)) {
    malformed_ = true;
    return "HEADERS of a stream that was passed over";
  }
  in_header_block_ = true;
  ends_header_block_ = ends;
  return {};
}

bool Http2Meter::is_passed_over(std::uint32_t stream) {
  if (stream >= next_stream_) {
    if (stream > next_stream_) gaps_[next_gap_++ % gaps_.size()] = {next_stream_, stream};
    next_stream_ = stream + 2;
    return false;
  }
  return std::ranges::any_of(
      gaps_, [&](const Gap& gap) { return stream >= gap.first && stream < gap.end; });
}

std::string_view Http2Meter::count_reset(Clock::time_point now) {
  ++all_resets_;
  if (exceeds(resets_, limits_.http2_resets, now)) {
    return past(Limit::http2_resets, "too many streams were reset");
  }
  if (all_resets_ >= fewest_compared_resets && all_resets_ > 2 * answered_) {
    return past(Limit::http2_resets, "more streams were reset than answered");
  }
  return {};
}

void Http2Meter::end_frame() {
  if (in_header_block_ && ends_header_block_) in_header_block_ = false;
}

void Http2Meter::answer_frame_sent() {
  pings_.count = 0;
  earned_ = std::min(earned_ + earned_by_frame, most_earned);
}

}  // namespace kit::http::detail
