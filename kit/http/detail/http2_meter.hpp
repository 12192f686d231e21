// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kit/base/time.hpp"
#include "kit/http/limit_counts.hpp"
#include "kit/http/limits.hpp"

namespace kit::http::detail {

/// Counts the frames of an HTTP/2 client before its session sees them, and says when there are more
/// than an honest client sends: floods that cost it little and us much. Also refuses
/// what the session lets pass. No I/O.
class Http2Meter {
 public:
  /// Lifetime: `limits` outlives the meter.
  explicit Http2Meter(const Limits& limits) : limits_(limits) {}

  /// Looks at the next bytes of the connection, its preface included. Why the client is to be cut;
  /// empty: it is not.
  std::string_view look(std::string_view bytes, Clock::time_point now);
  /// The limit it went past, if that is why.
  std::optional<Limit> limit() const { return limit_; }
  /// It is to be cut for a frame that makes no sense, not for too many.
  bool is_malformed() const { return malformed_; }
  /// A frame of an answer was sent: what a client may say about it is earned.
  void answer_frame_sent();
  /// A stream was given up by the client, or had to be reset for what it did. As `look`.
  std::string_view count_reset(Clock::time_point now);
  /// A stream ended with its whole answer.
  void answered() { ++answered_; }

  /// Header blocks that were begun; the latest may be incomplete.
  std::uint32_t header_blocks() const { return header_blocks_; }
  bool in_header_block() const { return in_header_block_; }

 private:
  /// Events since the start of a stretch of time.
  struct Rate {
    Clock::time_point start{};
    std::uint32_t count = 0;
  };
  /// Streams that the client passed over; they count as closed (RFC 9113 section 5.1.1).
  struct Gap {
    std::uint32_t first = 0;
    std::uint32_t end = 0;
  };
  static constexpr std::size_t preface_bytes = 24;
  static constexpr std::size_t header_bytes = 9;

  std::string_view past(Limit limit, std::string_view why);
  bool exceeds(Rate& rate, std::uint32_t most, Clock::time_point now) const;
  std::string_view begin_frame(Clock::time_point now);
  std::string_view count_data(std::size_t length, bool ends_stream);
  std::string_view count_header_block(bool continues, bool ends);
  bool is_passed_over(std::uint32_t stream);
  void end_frame();

  const Limits& limits_;
  std::array<unsigned char, header_bytes> header_{};
  std::size_t header_has_ = 0;
  std::size_t payload_left_ = preface_bytes;
  Rate resets_;
  Rate pings_;
  Rate others_;
  std::uint32_t earned_ = 0;  // control frames
  std::uint64_t all_resets_ = 0;
  std::uint64_t answered_ = 0;
  std::optional<Limit> limit_;
  std::array<Gap, 4> gaps_{};  // the latest
  std::size_t next_gap_ = 0;
  std::uint32_t next_stream_ = 1;
  std::uint32_t header_blocks_ = 0;
  std::uint32_t continuations_ = 0;
  std::uint32_t empty_frames_ = 0;
  bool in_header_block_ = false;
  bool ends_header_block_ = false;
  bool malformed_ = false;
};

}  // namespace kit::http::detail
