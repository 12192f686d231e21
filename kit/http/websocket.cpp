// SPDX-License-Identifier: Apache-2.0
#include "kit/http/websocket.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kit/async/context.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/semaphore.hpp"
#include "kit/base/assert.hpp"
#include "kit/http/detail/random.hpp"

namespace kit::http {
namespace {

constexpr std::size_t read_bytes = 16 * 1024;
constexpr std::size_t write_bytes = 64 * 1024;
/// Reads that may find bytes at once before other tasks get their turn.
constexpr unsigned most_reads = 16;
/// What is read from a peer that has been told to go away.
constexpr std::size_t max_drained_bytes = 1024 * 1024;

Error closed_error() {
  return Error(Code::failed_precondition, "the WebSocket is closed")
      .with_reason("WEBSOCKET_CLOSED");
}

/// A task that is cancelled before it has sent a byte leaves the connection whole.
Result<> not_cancelled() {
  const Context* context = Context::current();
  if (context != nullptr && context->cancelled()) return context->why().clone();
  return {};
}

Error lost_error(std::string_view why) {
  return Error(Code::unavailable, std::string(why)).with_reason("CONNECTION_LOST");
}

/// Sets a flag for as long as it lives.
struct Mark {
  explicit Mark(bool& flag) : marked(flag) { marked = true; }
  ~Mark() { marked = false; }
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;
  bool& marked;
};

}  // namespace

struct WebSocket::State {
  State(net::AsyncStream& connected, WebSocketRole which, const WebSocketLimits& limited)
      : stream(connected), role(which), limits(limited), decoder(decoder_options(which, limited)) {
    input.resize(read_bytes);
  }
  static WebSocketDecoder::Options decoder_options(WebSocketRole which,
                                                   const WebSocketLimits& limited) {
    WebSocketDecoder::Options options;
    options.role = which;
    options.max_message_bytes = limited.max_message_bytes;
    return options;
  }

  net::AsyncStream& stream;
  WebSocketRole role;
  WebSocketLimits limits;
  WebSocketDecoder decoder;
  std::string input;
  std::string_view unread;
  Mutex writing;
  bool is_close_sent = false;
  bool is_close_received = false;
  bool is_broken = false;  // nothing can be sent: a frame was cut, or the connection is gone
  bool is_receiving = false;
  bool is_goodbye_awaited = false;  // by the task that receives, which tells nobody of messages
  unsigned reads = 0;
  bool awaits_pong = false;
  Clock::time_point close_deadline = Clock::time_point::max();
  Context* reading = nullptr;  // of the read that waits
};

/// A read that ends at the next thing to do without the peer.
struct WebSocket::Reading {
  Reading(State& which, Clock::time_point at) : state(which), context(at) {
    state.reading = &context;
  }
  ~Reading() { state.reading = nullptr; }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  State& state;
  Context context;
};

WebSocket::WebSocket(net::AsyncStream& stream, WebSocketRole role, const WebSocketLimits& limits,
                     std::string subprotocol, std::string first)
    : state_(std::make_unique<State>(stream, role, limits)), subprotocol_(std::move(subprotocol)) {
  if (first.empty()) return;
  state_->input = std::move(first);
  state_->unread = state_->input;
}

WebSocket::~WebSocket() = default;

/// Reads some bytes into `unread`; false at the end of the stream and once a close took too long.
Task<bool> WebSocket::fill() {
  State& state = *state_;
  if (state.input.size() < read_bytes) state.input.resize(read_bytes);
  Context* const outer = Context::current();
  if (++state.reads % most_reads == 0) {
    auto turn = sleep_for(Clock::duration::zero());
    co_await turn;
  }
  while (true) {
    const Clock::time_point now = Loop::current().now();
    if (now >= state.close_deadline) co_return false;
    Clock::time_point due = state.close_deadline;
    if (state.limits.ping_interval.count() > 0 && !state.is_close_sent) {
      const auto silence =
          state.awaits_pong ? state.limits.pong_timeout : state.limits.ping_interval;
      due = std::min(due, now + silence);
    }
    Result<std::size_t> count = std::size_t{0};
    {
      Reading reading(state, due);
      Context::Scope scope(reading.context);
      auto operation = state.stream.read(state.input);
      count = co_await as_result(operation);
    }
    if (count.ok()) {
      state.awaits_pong = false;
      state.unread = std::string_view(state.input).substr(0, *count);
      co_return *count > 0;
    }
    if (count.error().code() != Code::deadline_exceeded ||
        (outer != nullptr && outer->cancelled())) {
      if (count.error().code() == Code::unavailable) state.is_broken = true;
      co_return std::move(count).error();
    }
    if (Loop::current().now() >= state.close_deadline) co_return false;
    if (Loop::current().now() < due) continue;  // woken for a close: its deadline counts now
    if (state.awaits_pong) {
      state.is_broken = true;
      co_return Error(Code::unavailable, "the peer shows no sign of life")
          .with_reason("PEER_SILENT");
    }
    co_await write_unless_closed(FrameOpcode::ping, {});
    state.awaits_pong = true;
  }
}

Task<std::optional<WebSocketMessage>> WebSocket::next_message() {
  State& state = *state_;
  WebSocketDecoder& decoder = state.decoder;
  while (!state.is_close_received) {
    state.unread.remove_prefix(decoder.decode(state.unread));
    if (decoder.state() == WebSocketDecoder::State::failed) {
      const std::string problem(decoder.problem());
      const auto code = static_cast<std::uint16_t>(decoder.close_code());
      const Result<> told = co_await as_result(send_close(code, problem));
      state.is_close_received = true;  // nothing that still comes counts
      const Result<> drained = co_await as_result(drain_input());
      state.is_broken = !told.ok() || !drained.ok();
      co_return Error(Code::invalid_argument, "the peer broke the protocol: " + problem)
          .with_reason("WEBSOCKET_PROTOCOL");
    }
    if (decoder.state() == WebSocketDecoder::State::event) {
      WebSocketEvent event = decoder.take();
      if (event.opcode == FrameOpcode::text || event.opcode == FrameOpcode::binary) {
        WebSocketMessage message;
        message.is_text = event.opcode == FrameOpcode::text;
        message.data = std::move(event.payload);
        co_return std::optional<WebSocketMessage>(std::move(message));
      }
      const bool goes_on = co_await handle_control(std::move(event));
      if (!goes_on) break;
      continue;
    }
    const bool filled = co_await fill();
    if (filled) continue;
    state.is_close_received = true;
    if (state.is_close_sent) break;  // the peer left without a goodbye, or is too slow with it
    state.is_broken = true;
    co_return lost_error("the peer ended the connection without closing the WebSocket");
  }
  co_return std::optional<WebSocketMessage>();
}

/// False at the end.
Task<bool> WebSocket::handle_control(WebSocketEvent event) {
  State& state = *state_;
  if (event.opcode == FrameOpcode::ping) {
    co_await write_unless_closed(FrameOpcode::pong, std::move(event.payload));
    co_return true;
  }
  if (event.opcode == FrameOpcode::pong) co_return true;
  state.is_close_received = true;
  peer_close_code_ = event.close_code;
  peer_close_reason_ = std::move(event.payload);
  // The echo of the peer's code; its absence has no code either.
  std::string no_reason;
  const Result<> echoed = co_await as_result(send_close(event.close_code, std::move(no_reason)));
  if (!echoed.ok()) state.is_broken = true;  // the peer is gone, which is what it wanted
  co_return false;
}

Task<std::optional<WebSocketMessage>> WebSocket::receive() {
  if (state_->is_goodbye_awaited) co_return std::nullopt;
  KIT_ASSERT(!state_->is_receiving, "two tasks receive on one WebSocket");
  const Mark receiving(state_->is_receiving);
  while (true) {
    std::optional<WebSocketMessage> message = co_await next_message();
    // After our goodbye only the peer's is of interest.
    if (message && state_->is_close_sent) continue;
    co_return message;
  }
}

Task<> WebSocket::send_text(std::string text) {
  return send(FrameOpcode::text, std::move(text));
}

Task<> WebSocket::send_binary(std::string bytes) {
  return send(FrameOpcode::binary, std::move(bytes));
}

Task<> WebSocket::ping() {
  return send(FrameOpcode::ping, {});
}

Task<> WebSocket::send(FrameOpcode opcode, std::string payload) {
  if (state_->is_close_sent) co_await closed_error();
  co_await write_frame(opcode, std::move(payload));
}

Task<> WebSocket::send_close(std::uint16_t code, std::string reason) {
  co_await not_cancelled();
  if (std::exchange(state_->is_close_sent, true)) co_return;
  std::string payload = code == 0 ? std::string() : close_payload(code, reason);
  co_await write_frame(FrameOpcode::close, std::move(payload));
}

Task<> WebSocket::write_frame(FrameOpcode opcode, std::string payload) {
  State& state = *state_;
  const Mutex::Lock lock = co_await state.writing.lock();
  co_await not_cancelled();
  if (state.is_broken) co_await lost_error("the WebSocket cannot send any more");
  if (state.is_close_sent && opcode != FrameOpcode::close) co_await closed_error();
  FrameOptions options;
  if (state.role == WebSocketRole::client) {
    options.mask.emplace();
    detail::fill_random(*options.mask);
  }
  std::string frame;
  append_frame(frame, opcode, payload, options);
  payload = {};
  state.is_broken = true;  // until all of it is out
  for (std::size_t at = 0; at < frame.size(); at += write_bytes) {
    const std::string_view part = std::string_view(frame).substr(at, write_bytes);
    Context context(Loop::current().now() + state.limits.write_timeout);
    Context::Scope scope(context);
    auto operation = state.stream.write(part);
    Result<> written = co_await as_result(operation);
    scope.leave();
    co_await std::move(written);
  }
  state.is_broken = false;
}

/// For frames that are of no use behind a close, which may overtake them while they wait.
Task<> WebSocket::write_unless_closed(FrameOpcode opcode, std::string payload) {
  if (state_->is_close_sent) co_return;
  Result<> written = co_await as_result(write_frame(opcode, std::move(payload)));
  if (!written.ok() && written.error().reason() == "WEBSOCKET_CLOSED") co_return;
  co_await std::move(written);
}

Task<> WebSocket::close(CloseCode code, std::string reason) {
  State& state = *state_;
  if (state.is_close_sent) co_return;
  state.close_deadline = Loop::current().now() + state.limits.close_timeout;
  co_await send_close(static_cast<std::uint16_t>(code), std::move(reason));
  if (state.is_receiving) {
    // The reader's next wait ends with the close, not with the next ping.
    if (state.reading != nullptr)
      state.reading->cancel(Error(Code::deadline_exceeded, "the WebSocket is closing"));
    co_return;
  }
  co_await await_goodbye();
}

Task<> WebSocket::await_goodbye() {
  const Mark receiving(state_->is_receiving);
  const Mark awaited(state_->is_goodbye_awaited);
  while (true) {
    const std::optional<WebSocketMessage> message = co_await next_message();
    if (!message) co_return;
  }
}

/// Ends the sending side and reads what the peer sends until it ends too, so that our goodbye is
/// not lost in a reset.
Task<> WebSocket::drain_input() {
  State& state = *state_;
  state.close_deadline = Loop::current().now() + state.limits.close_timeout;
  state.limits.ping_interval = {};
  state.stream.shutdown_write();
  std::size_t drained = 0;
  while (drained < max_drained_bytes) {
    const bool filled = co_await fill();
    if (!filled) co_return;
    drained += state.unread.size();
  }
}

/// The end of a connection whose handler has ended, whatever it did.
Task<> WebSocket::finish(CloseCode code) {
  State& state = *state_;
  if (state.is_broken) co_return;
  if (!state.is_close_sent) {
    co_await close(code);
  } else if (!state.is_close_received) {
    co_await await_goodbye();
  }
}

/// What `accept_websocket` hands to the server.
class WebSocketUpgrade final : public Upgrade {
 public:
  WebSocketUpgrade(WebSocketLimits limits, std::string subprotocol, WebSocketHandler handler)
      : limits_(limits), subprotocol_(std::move(subprotocol)), handler_(std::move(handler)) {}

  std::string_view protocol() const override { return "websocket"; }

  Task<> run(net::AsyncStream& stream) override {
    WebSocket socket(stream, WebSocketRole::server, limits_, subprotocol_);
    Task<> serving = handler_(socket);
    Result<> ended = co_await as_result(std::move(serving));
    CloseCode code = CloseCode::normal;
    if (!ended.ok()) {
      code = ended.error().code() == Code::cancelled ? CloseCode::going_away : CloseCode::internal;
    }
    // The goodbye is said also when this task was cancelled; `close_timeout` and `write_timeout`
    // bound it.
    Context outside{Context::Detached{}};
    Context::Scope scope(outside);
    Result<> closed = co_await as_result(socket.finish(code));
    scope.leave();
    co_await std::move(ended);
    co_await std::move(closed);
  }

 private:
  WebSocketLimits limits_;
  std::string subprotocol_;
  WebSocketHandler handler_;
};

namespace detail {
std::unique_ptr<Upgrade> make_websocket_upgrade(const WebSocketLimits& limits,
                                                std::string subprotocol, WebSocketHandler handler) {
  return std::make_unique<WebSocketUpgrade>(limits, std::move(subprotocol), std::move(handler));
}
}  // namespace detail

}  // namespace kit::http
