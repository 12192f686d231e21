// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/http/message.hpp"
#include "kit/http/websocket_frames.hpp"
#include "kit/net/async_stream.hpp"

namespace kit::http {

struct WebSocketMessage {
  bool is_text = true;
  std::string data;
};

struct WebSocketLimits {
  std::size_t max_message_bytes = 1024 * 1024;  ///< Past it: close 1009.
  /// A peer that said nothing for so long is asked for a sign of life; 0: never.
  std::chrono::milliseconds ping_interval{30'000};
  std::chrono::milliseconds pong_timeout{10'000};   ///< Then it is dead.
  std::chrono::milliseconds close_timeout{5'000};   ///< For the peer's part of a close.
  std::chrono::milliseconds write_timeout{30'000};  ///< For each 64 KiB.
};

/// One end of an open WebSocket. One task receives; any task may send. Pings are answered, and the
/// peer watched, while a task receives. Thread safety: the stream's thread. Lifetime: outlives its
/// tasks; the stream outlives it.
class WebSocket {
 public:
  /// `first`: bytes that were read behind the handshake.
  WebSocket(net::AsyncStream& stream, WebSocketRole role, const WebSocketLimits& limits,
            std::string subprotocol = {}, std::string first = {});
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  /// The next message; nothing once the peer has closed (and been answered). Fails with
  /// `invalid_argument` (reason WEBSOCKET_PROTOCOL) for what breaks the protocol or a limit, after
  /// the peer was told; `unavailable` (CONNECTION_LOST, PEER_SILENT) without a close.
  Task<std::optional<WebSocketMessage>> receive();
  /// Sends one message; returns when it is with the kernel, so that a slow peer slows the sender
  /// down. Fails with `failed_precondition` (WEBSOCKET_CLOSED) after a close and `unavailable` when
  /// the connection broke. Cancellation: a message of which a part was sent breaks the connection.
  Task<> send_text(std::string text);
  Task<> send_binary(std::string bytes);
  Task<> ping();
  /// Says goodbye and waits for the peer's goodbye, at most `close_timeout`. When another task
  /// receives, that one waits for it instead and this returns at once. Later calls do nothing, and
  /// a `receive` meanwhile has nothing.
  Task<> close(CloseCode code = CloseCode::normal, std::string reason = {});

  /// What the two ends agreed on; empty: nothing.
  const std::string& subprotocol() const { return subprotocol_; }
  /// What the peer closed with; 0: without a code, or not yet.
  std::uint16_t peer_close_code() const { return peer_close_code_; }
  const std::string& peer_close_reason() const { return peer_close_reason_; }

 private:
  friend class WebSocketUpgrade;
  struct Reading;

  Task<bool> fill();
  Task<std::optional<WebSocketMessage>> next_message();
  Task<bool> handle_control(WebSocketEvent event);
  Task<> send(FrameOpcode opcode, std::string payload);
  Task<> send_close(std::uint16_t code, std::string reason);
  Task<> write_frame(FrameOpcode opcode, std::string payload);
  Task<> write_unless_closed(FrameOpcode opcode, std::string payload);
  Task<> await_goodbye();
  Task<> finish(CloseCode code);
  Task<> drain_input();

  struct State;
  std::unique_ptr<State> state_;
  std::string subprotocol_;
  std::uint16_t peer_close_code_ = 0;
  std::string peer_close_reason_;
};

struct WebSocketOptions {
  WebSocketLimits limits;
  /// Best first; the first that the client offers too is agreed on.
  std::vector<std::string> subprotocols;
  /// Whose pages may connect, "https://app.example.com", besides the server's own (Origin = Host).
  /// Clients that are no browsers send no Origin and are not held back.
  std::vector<std::string> origins;
  bool allow_any_origin = false;
};

/// Serves one connection; the close follows when it ends: 1000, 1001 when it was cancelled, 1011
/// when it failed.
using WebSocketHandler = Function<Task<>(WebSocket&)>;

/// Answers a WebSocket handshake: 101, and `handler` serves the connection. Fails with
/// `invalid_argument` for a malformed one and `permission_denied` (ORIGIN_NOT_ALLOWED) for a page
/// of somebody else; the answer is 426 when it asks for no WebSocket, or for another version
/// than 13.
Result<Response> accept_websocket(const Request& request, const WebSocketOptions& options,
                                  WebSocketHandler handler);

struct WebSocketConnectOptions {
  std::string host;  ///< "example.com:8080"
  std::string target = "/";
  std::string origin;  ///< Empty: none is sent.
  std::vector<std::string> subprotocols;
  WebSocketLimits limits;
};

/// The client's side on a connected stream. Fails with `unavailable` (WEBSOCKET_REFUSED) when the
/// server does not answer with a WebSocket. Lifetime: `stream` outlives the result.
Task<std::unique_ptr<WebSocket>> connect_websocket(net::AsyncStream& stream,
                                                   WebSocketConnectOptions options);

}  // namespace kit::http
