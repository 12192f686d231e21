// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kit::http {

/// Which end of a WebSocket something is for: frames to a server are masked, frames to a client are
/// not.
enum class WebSocketRole : std::uint8_t { server, client };

/// The codes of RFC 6455 section 7.4.1 that kit itself sends.
enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  invalid_data = 1007,  ///< Text that is no UTF-8.
  policy = 1008,
  too_big = 1009,
  internal = 1011,
};

enum class FrameOpcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};

/// What frames say once they are put together.
struct WebSocketEvent {
  FrameOpcode opcode = FrameOpcode::text;  ///< Never `continuation`.
  std::string payload;                     ///< Of a close: the reason.
  std::uint16_t close_code = 0;            ///< 0: a close without one.
};

/// Frames in any pieces to messages, by the letter of RFC 6455: masks as the role demands, no
/// reserved bits or opcodes (no extension is offered), the shortest form of each length, control
/// frames whole and of at most 125 bytes, fragments in order, UTF-8 checked as it comes. Knows no
/// sockets. Thread safety: none.
class WebSocketDecoder {
 public:
  struct Options {
    WebSocketRole role = WebSocketRole::server;  ///< Of the end that decodes.
    std::size_t max_message_bytes = 1024 * 1024;
    std::size_t max_frames = 16 * 1024;  ///< Of one message.
  };
  enum class State : std::uint8_t {
    incomplete,
    event,   ///< Take it, then go on.
    failed,  ///< For good: `close_code` says what the peer is told.
  };

  explicit WebSocketDecoder(const Options& options) : options_(options) {}

  /// Takes bytes until there is an event or they end; returns how many.
  std::size_t decode(std::string_view bytes);
  State state() const { return state_; }
  WebSocketEvent take();
  CloseCode close_code() const { return close_code_; }
  std::string_view problem() const { return problem_; }

 private:
  /// Follows UTF-8 over the ends of pieces.
  class Utf8 {
   public:
    bool accept(std::string_view text);
    bool complete() const { return wanted_ == 0; }

   private:
    unsigned wanted_ = 0;
    unsigned char low_ = 0x80;
    unsigned char high_ = 0xBF;
  };

  bool has_header() const;
  void read_header();
  bool accept_kind(unsigned char first);
  bool accept_length();
  void add_payload(std::string_view bytes);
  void end_frame();
  void end_close();
  void fail(CloseCode code, std::string_view problem);

  Options options_;
  State state_ = State::incomplete;
  CloseCode close_code_ = CloseCode::protocol_error;
  std::string_view problem_;

  std::array<unsigned char, 14> header_{};
  std::size_t header_size_ = 0;
  bool in_payload_ = false;
  FrameOpcode opcode_ = FrameOpcode::text;
  bool is_final_ = false;
  std::array<unsigned char, 4> mask_{};
  std::uint64_t left_ = 0;
  std::size_t at_ = 0;  // place in the payload, for the mask

  bool in_message_ = false;
  FrameOpcode message_opcode_ = FrameOpcode::text;
  std::string message_;
  std::size_t frames_ = 0;
  Utf8 utf8_;
  std::string control_;
  WebSocketEvent event_;
};

struct FrameOptions {
  bool is_final = true;
  std::optional<std::array<unsigned char, 4>> mask;  ///< Clients set one, new for each frame.
};
/// Appends one frame.
void append_frame(std::string& out, FrameOpcode opcode, std::string_view payload,
                  const FrameOptions& options = {});
/// The payload of a close frame. `reason` is cut to what fits, between characters.
std::string close_payload(std::uint16_t code, std::string_view reason);
/// Whether a code may stand in a close frame.
bool is_close_code(std::uint16_t code);

}  // namespace kit::http
