// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/detail/http1.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"
#include "kit/http/detail/chars.hpp"

namespace kit::http::detail {
namespace {

/// A whole body up to this size is written together with its head.
constexpr std::size_t small_body = 64 * 1024;
/// What is written under one time limit.
constexpr std::size_t write_step = 64 * 1024;

Error connection_lost(std::string_view when) {
  return Error(Code::unavailable, "the connection ended " + std::string(when))
      .with_reason("CONNECTION_LOST");
}

Error malformed_response(std::string_view problem) {
  return Error(Code::unavailable, "the answer is malformed: " + std::string(problem))
      .with_reason("MALFORMED_RESPONSE")
      .with_http_status(502);
}

bool is_lost(const Error& error) {
  return error.reason() == "CONNECTION_LOST";
}

/// Fields that speak of one connection only (RFC 9110 section 7.6.1).
bool is_hop_by_hop(std::string_view name, const ResponseHead& head) {
  for (std::string_view own : {"connection", "keep-alive", "proxy-connection", "te", "trailer",
                               "transfer-encoding", "upgrade"}) {
    if (equals_lower(name, own)) return true;
  }
  for (const Header& header : head.headers) {
    if (!equals_lower(header.name, "connection")) continue;
    for (std::string_view option : split(header.value, ',')) {
      if (iequals(trim_blanks(option), name)) return true;
    }
  }
  return false;
}

bool sends_length(Method method) {
  return method == Method::post || method == Method::put || method == Method::patch;
}

std::string hex(std::size_t number) {
  std::string text;
  do {
    text.insert(text.begin(), "0123456789abcdef"[number % 16]);
    number /= 16;
  } while (number != 0);
  return text;
}

}  // namespace

std::unique_ptr<ClientExchange> Http1Connection::begin(const Outgoing& outgoing,
                                                       Progress& progress) {
  return std::make_unique<Http1Exchange>(*this, outgoing, progress);
}

/// Where a task that reads can be ended from outside: by a time limit, or because the request
/// cannot be sent.
class Http1Exchange::Reading {
 public:
  Reading(Http1Exchange& exchange, bool of_head) : exchange_(exchange), of_head_(of_head) {
    KIT_ASSERT(exchange.reading_ == nullptr, "two tasks read one answer");
    exchange.reading_ = this;
  }
  ~Reading() {
    exchange_.reading_ = nullptr;
    exchange_.stall_.stop();
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  Context& context() { return context_; }
  bool of_head() const { return of_head_; }

 private:
  Http1Exchange& exchange_;
  bool of_head_;
  Context context_;
};

class Http1Exchange::SentWait final : public Operation<void> {
 public:
  explicit SentWait(Http1Exchange& exchange) : exchange_(exchange) {}
  ~SentWait() { detach(); }
  void wake() {
    detach();
    succeed();
  }

 private:
  void start() override { exchange_.sent_wait_ = this; }
  void detach() override {
    if (exchange_.sent_wait_ == this) exchange_.sent_wait_ = nullptr;
  }
  Http1Exchange& exchange_;
};

Http1Exchange::Http1Exchange(Http1Connection& connection, const Outgoing& outgoing,
                             Progress& progress)
    : connection_(connection),
      options_(connection.options_),
      outgoing_(&outgoing),
      progress_(&progress),
      payload_(outgoing.payload),
      parser_(options_.response, outgoing.method) {
  chunk_limits_.header_bytes = options_.response.header_bytes;
  chunk_limits_.header_count = options_.response.header_count;
  stall_.set_action(
      [](void* self) {
        auto& exchange = *static_cast<Http1Exchange*>(self);
        exchange.reading_->context().cancel(
            Error(Code::deadline_exceeded, "the server took too long to answer")
                .with_reason("RESPONSE_TIMEOUT"));
      },
      this);
  // What the sending task logs may come after the request's context has ended.
  sending_.set_log_context(nullptr);
}

Http1Exchange::~Http1Exchange() = default;

std::string Http1Exchange::render_head() const {
  const Outgoing& out = *outgoing_;
  std::string text = out.method_name + " ";
  text += connection_.absolute_target_ ? out.url.to_string() : out.url.target();
  text += " HTTP/1.1\r\nHost: " + out.url.authority() + "\r\n";
  for (const auto& [field, value] : out.headers) {
    text.append(field).append(": ").append(value).append("\r\n");
  }
  const std::string& authorization = options_.proxy.authorization.reveal();
  if (connection_.absolute_target_ && !authorization.empty()) {
    text += "Proxy-Authorization: " + authorization + "\r\n";
  }
  const auto deadline = Context::current_deadline();
  if (deadline != Clock::time_point::max()) {
    const auto left =
        std::chrono::floor<std::chrono::milliseconds>(deadline - Loop::current().now());
    text += "Request-Timeout-Ms: " + std::to_string(std::max<long long>(left.count(), 1)) + "\r\n";
  }
  if (payload_->stream == nullptr) {
    if (!payload_->bytes.empty() || sends_length(out.method)) {
      text += "Content-Length: " + std::to_string(payload_->bytes.size()) + "\r\n";
    }
  } else if (auto size = payload_->stream->size()) {
    text += "Content-Length: " + std::to_string(*size) + "\r\n";
  } else {
    text += "Transfer-Encoding: chunked\r\n";
  }
  return text += "\r\n";
}

Task<Response> Http1Exchange::head() {
  std::string text = render_head();
  const bool together = payload_->stream == nullptr && payload_->bytes.size() <= small_body;
  if (together) text += payload_->bytes;
  co_await write_head(std::move(text));
  if (together) {
    sent_ = !send_error_;
  } else if (!send_error_) {
    start_body();
  }
  while (true) {
    const std::size_t count = co_await receive(true);
    if (count == 0) co_return connection_lost("before the answer");
    progress_->answered = true;
    head_bytes_.append(buffer_.data(), count);
    const ParseState state = parser_.parse(head_bytes_);
    if (state == ParseState::refused) co_return malformed_response(parser_.problem());
    if (state == ParseState::complete) break;
  }
  outgoing_ = nullptr;
  progress_ = nullptr;
  const ResponseHead& parsed = parser_.head();
  rest_ = std::string_view(head_bytes_).substr(parser_.size());
  left_ = parsed.content_length;
  done_ = parsed.framing == BodyFraming::none;
  if (parsed.framing == BodyFraming::chunked) {
    chunks_.start(chunk_limits_, std::numeric_limits<std::size_t>::max());
  }
  co_return make_response();
}

Response Http1Exchange::make_response() const {
  const ResponseHead& parsed = parser_.head();
  Response response;
  response.status = parsed.status;
  for (const Header& field : parsed.headers) {
    if (is_hop_by_hop(field.name, parsed)) continue;
    response.headers.emplace_back(field.name, field.value);
  }
  return response;
}

/// The first write is tried without waiting: only then is it known that nothing was sent. When the
/// rest fails, the server may have answered all the same: reading shows.
Task<> Http1Exchange::write_head(std::string text) {
  std::string_view left = text;
  const net::IoResult result = connection_.stream_.stream().write({&left, 1});
  if (result.status == net::IoStatus::ok) {
    progress_->sent = true;
    left.remove_prefix(result.bytes);
  } else if (result.status != net::IoStatus::would_block) {
    co_await connection_lost("before the request was sent");
  }
  if (left.empty()) co_return;
  progress_->sent = true;
  auto written = co_await as_result(write(left));
  if (written.ok()) co_return;
  if (is_lost(written.error())) {
    send_error_ = std::move(written).error();
  } else {
    co_await std::move(written);
  }
}

/// All of `bytes`, each step in time.
Task<> Http1Exchange::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view step = bytes.substr(0, write_step);
    auto limited = with_deadline(options_.write_timeout, write_piece(step));
    auto written = co_await as_result(std::move(limited));
    if (!written.ok()) {
      const Context* context = Context::current();
      const bool own_limit = context == nullptr || !context->cancelled();
      if (written.error().code() == Code::deadline_exceeded && own_limit) {
        co_await Error(Code::deadline_exceeded, "the server took nothing for too long")
            .with_reason("SEND_TIMEOUT");
      }
      co_await std::move(written);
    }
    bytes.remove_prefix(step.size());
  }
}

Task<> Http1Exchange::write_piece(std::string_view bytes) {
  co_await connection_.stream_.write(bytes);
}

void Http1Exchange::start_body() {
  Context::Entry entry(&sending_);
  sender_.emplace(send_body());
  if (sender_->start([](void* self) { static_cast<Http1Exchange*>(self)->body_ended(); }, this)) {
    body_ended();
  }
}

void Http1Exchange::body_ended() {
  Result<> result = sender_->take();
  if (result.ok()) {
    sent_ = true;
  } else {
    send_error_ = std::move(result).error();
  }
  if (sent_wait_ != nullptr) sent_wait_->wake();
  if (reading_ == nullptr) return;
  if (send_error_ && !is_lost(*send_error_)) {
    reading_->context().cancel(send_error_->clone());
  } else if (reading_->of_head()) {
    arm_head();
  }
}

Task<> Http1Exchange::send_body() {
  if (payload_->stream != nullptr) {
    co_await send_stream();
  } else {
    co_await write(payload_->bytes);
  }
}

Task<> Http1Exchange::send_stream() {
  const std::optional<std::uint64_t> size = payload_->stream->size();
  std::uint64_t total = 0;
  payload_->begun = true;
  while (true) {
    const std::string_view piece = co_await payload_->stream->read();
    total += piece.size();
    if (size && (total > *size || (piece.empty() && total < *size))) {
      co_await Error(Code::internal, "the body of a request has not the size that it stated")
          .with_reason("BODY_SIZE_WRONG");
    }
    if (size && piece.empty()) co_return;
    if (size) {
      co_await write(piece);
    } else {
      std::string chunk = hex(piece.size());
      chunk.append("\r\n").append(piece).append("\r\n");
      co_await write(chunk);
      if (piece.empty()) co_return;
    }
  }
}

Task<> Http1Exchange::sent() {
  if (!sent_ && !send_error_ && !sending_stopped_) co_await SentWait(*this);
  if (send_error_) co_await send_error_->clone();
}

void Http1Exchange::stop_sending() {
  if (sent_) return;
  sending_stopped_ = true;
  sender_.reset();
  if (sent_wait_ != nullptr) sent_wait_->wake();
}

void Http1Exchange::arm_stall(Clock::time_point at) {
  Loop::current().start(stall_, at);
}

/// The head has its time as a whole: a server that sends a byte now and then gains none.
void Http1Exchange::arm_head() {
  if (!head_by_) head_by_ = Loop::current().now() + options_.header_timeout;
  arm_stall(*head_by_);
}

/// More bytes in `buffer_`; 0 at the end of the stream.
Task<std::size_t> Http1Exchange::receive(bool of_head) {
  if (send_error_ && !is_lost(*send_error_)) co_return send_error_->clone();
  Reading reading(*this, of_head);
  Context::Scope scope(reading.context());
  if (!of_head) {
    arm_stall(Loop::current().now() + options_.read_timeout);
  } else if (sent_ || send_error_) {
    arm_head();
  }
  auto count = co_await as_result(connection_.stream_.read(buffer_));
  scope.leave();
  co_return std::move(count);
}

Task<std::size_t> Http1Exchange::receive_body() {
  const std::size_t count = co_await receive(false);
  if (count == 0) co_return connection_lost("in the middle of an answer");
  rest_ = {buffer_.data(), count};
  co_return count;
}

std::optional<std::uint64_t> Http1Exchange::body_size() const {
  if (parser_.head().framing != BodyFraming::length) return std::nullopt;
  return parser_.head().content_length;
}

Task<std::string_view> Http1Exchange::read() {
  if (done_) co_return std::string_view();
  switch (parser_.head().framing) {
    case BodyFraming::length: {
      if (rest_.empty()) co_await receive_body();
      const std::string_view piece =
          rest_.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest_.size())));
      rest_.remove_prefix(piece.size());
      left_ -= piece.size();
      done_ = left_ == 0;
      co_return piece;
    }
    case BodyFraming::chunked: {
      const std::string_view piece = co_await read_chunks();
      co_return piece;
    }
    case BodyFraming::until_close: {
      if (!rest_.empty()) co_return std::exchange(rest_, {});
      const std::size_t count = co_await receive(false);
      done_ = count == 0;
      co_return std::string_view(buffer_.data(), count);
    }
    case BodyFraming::none:
      break;
  }
  co_return std::string_view();
}

Task<std::string_view> Http1Exchange::read_chunks() {
  piece_.clear();
  while (piece_.empty() && !done_) {
    if (rest_.empty()) co_await receive_body();
    rest_.remove_prefix(chunks_.decode(rest_, piece_));
    if (chunks_.state() == ChunkedDecoder::State::refused) {
      co_return malformed_response(chunks_.problem());
    }
    done_ = chunks_.state() == ChunkedDecoder::State::complete;
  }
  co_return std::string_view(piece_);
}

bool Http1Exchange::reusable() const {
  return done_ && sent_ && rest_.empty() && parser_.head().keep_alive;
}

}  // namespace kit::http::detail
