// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/intrusive_list.hpp"
#include "kit/base/time.hpp"
#include "kit/http/detail/exchange.hpp"
#include "kit/http/message.hpp"

namespace kit::http::detail {

/// One request of an HTTP/2 connection and its answer.
struct Http2Stream : ListNode<struct Http2StreamTag> {
  enum class Phase : std::uint8_t { head, body, handling, answering };

  /// A field as it came; its texts follow each other in `exchange->head_bytes`.
  struct Field {
    std::uint32_t at = 0;
    std::uint32_t name_size = 0;
    std::uint32_t value_size = 0;
  };

  std::int32_t id = 0;
  Phase phase = Phase::head;
  bool request_ended = false;  // END_STREAM came
  bool body_open = false;      // the handler reads the rest of the body
  bool in_pieces = false;      // the answer is a stream
  bool is_sized = false;       // its size was announced
  bool piece_there = false;    // of it, not looked at yet
  bool pieces_ended = false;   // there is none after `rest`
  bool answered = false;       // all of it is in frames
  bool touched = false;        // its handler has read, or waits for, a part of the body
  int refused_with = 0;        // the head is over a limit: 414 or 431
  /// The request's, and the handler's; null once neither is needed.
  std::unique_ptr<Exchange> exchange;
  std::vector<Field> fields;
  std::size_t most_body = 0;
  std::size_t held = 0;   // bytes of its body that keep windows closed
  std::size_t taken = 0;  // of them: read by the handler
  /// Until when the request or the handler owes its next step.
  Clock::time_point deadline = Clock::time_point::max();
  /// Until when the peer has to take something of the answer.
  Clock::time_point send_deadline = Clock::time_point::max();
  Clock::time_point send_started{};
  Clock::time_point last_taken{};
  std::uint64_t sent = 0;
  Response response;      // owns what is sent
  std::string_view rest;  // of the body, or of a piece of it: not in a frame yet
};

}  // namespace kit::http::detail
