// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/detail/http2.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"

namespace kit::http::detail {
namespace {

constexpr std::uint32_t most_streams = 100;
constexpr std::uint32_t stream_window = 256 * 1024;
constexpr std::size_t write_step = 64 * 1024;
/// Bytes of frames that carry nothing (PING, SETTINGS, WINDOW_UPDATE, empty DATA, fields past the
/// limits) before a server is left.
constexpr std::size_t most_overhead = 1024 * 1024;
/// What the frames of one answer may cost beside its body.
constexpr std::size_t answer_overhead = 64 * 1024;

Http2ClientSession::Limits limits_of(const ClientOptions& options) {
  Http2ClientSession::Limits limits;
  limits.stream_window = stream_window;
  // Those who read slowly do not stop the others.
  limits.connection_window = most_streams * stream_window;
  limits.header_bytes = options.response.header_bytes;
  return limits;
}

Error connection_lost() {
  return Error(Code::unavailable, "the connection ended before the end of the answer")
      .with_reason("CONNECTION_LOST");
}

Error malformed_response(std::string_view problem) {
  return Error(Code::unavailable, "the answer is malformed: " + std::string(problem))
      .with_reason("MALFORMED_RESPONSE")
      .with_http_status(502);
}

}  // namespace

Http2ClientConnection::Http2ClientConnection(std::unique_ptr<net::Stream> stream,
                                             const ClientOptions& options)
    : stream_(std::move(stream)), options_(options), session_(limits_of(options)) {
  stream_->watch(*this);
  flush();
}

Http2ClientConnection::~Http2ClientConnection() {
  KIT_ASSERT(exchanges_.empty(), "a connection ended under its exchanges");
}

std::size_t Http2ClientConnection::capacity() const {
  return std::min(session_.most_streams(), most_streams);
}

bool Http2ClientConnection::usable() {
  read();
  flush();
  return !lost_ && session_.is_open();
}

std::unique_ptr<ClientExchange> Http2ClientConnection::begin(const Outgoing& outgoing,
                                                             Progress& progress) {
  return std::make_unique<Http2ClientExchange>(*this, outgoing, progress);
}

void Http2ClientConnection::on_readiness(Readiness readiness) {
  if (readiness.readable) read();
  flush();
}

void Http2ClientConnection::read() {
  while (!lost_) {
    const net::IoResult result = stream_->read(buffer_);
    if (result.status == net::IoStatus::would_block) break;
    if (result.status != net::IoStatus::ok) {
      lose(connection_lost());
      break;
    }
    overhead_ += result.bytes;
    const Result<> received = session_.receive({buffer_.data(), result.bytes});
    if (!received.ok()) lose(malformed_response(received.error().message()));
    if (overhead_ > most_overhead) lose(malformed_response("there is little in its frames"));
    if (result.bytes < buffer_.size()) break;
  }
  // An answer may be whole although its request is not.
  for (Http2ClientExchange* exchange : exchanges_) {
    if (exchange->is_answered()) exchange->finish();
  }
}

void Http2ClientConnection::flush() {
  while (!lost_) {
    const Result<> produced = session_.produce(out_, write_step);
    if (!produced.ok()) return lose(malformed_response(produced.error().message()));
    if (out_.empty()) break;
    const std::string_view part = out_;
    const net::IoResult result = stream_->write({&part, 1});
    if (result.status == net::IoStatus::would_block) return;
    if (result.status != net::IoStatus::ok) return lose(connection_lost());
    out_.erase(0, result.bytes);
  }
  if (lost_ || !session_.is_done()) return;
  // With requests still under way it is over because the server broke a rule.
  lose(malformed_response("it is not HTTP/2"));
}

void Http2ClientConnection::lose(Error why) {
  if (std::exchange(lost_, true)) return;
  session_.lose(why);
}

/// One task that waits for what a callback tells.
class Http2ClientExchange::Wait final : public Operation<void> {
 public:
  explicit Wait(Wait*& slot) : slot_(slot) {}
  ~Wait() { detach(); }
  void wake() {
    detach();
    succeed();
  }

 private:
  void start() override {
    KIT_ASSERT(slot_ == nullptr, "two tasks wait for the same");
    slot_ = this;
  }
  void detach() override {
    if (slot_ == this) slot_ = nullptr;
  }
  Wait*& slot_;
};

Http2ClientExchange::Http2ClientExchange(Http2ClientConnection& connection,
                                         const Outgoing& outgoing, Progress& progress)
    : connection_(connection),
      options_(connection.options_),
      outgoing_(&outgoing),
      progress_(&progress),
      payload_(outgoing.payload),
      is_head_request_(outgoing.method == Method::head) {
  stall_.set_action(
      [](void* self) {
        auto& exchange = *static_cast<Http2ClientExchange*>(self);
        exchange.fail(Error(Code::deadline_exceeded, "the server took too long to answer")
                          .with_reason("RESPONSE_TIMEOUT"));
        exchange.connection_.flush();
      },
      this);
  send_stall_.set_action(
      [](void* self) {
        auto& exchange = *static_cast<Http2ClientExchange*>(self);
        exchange.fail(Error(Code::deadline_exceeded, "the server took nothing for too long")
                          .with_reason("SEND_TIMEOUT"));
        exchange.connection_.flush();
      },
      this);
  // What the sending task logs may come after the request's context has ended.
  sending_.set_log_context(nullptr);
  connection_.exchanges_.push_back(this);
}

Http2ClientExchange::~Http2ClientExchange() {
  std::erase(connection_.exchanges_, this);
  connection_.session_.cancel(*this);  // RST_STREAM; nothing when it has ended
  // After the loop has ended nobody can be told that the connection is lost.
  if (Loop::current_or_null() != nullptr) connection_.flush();
}

void Http2ClientExchange::arm(Timer& timer, Clock::duration limit) {
  Loop::current().start(timer, Loop::current().now() + limit);
}

void Http2ClientExchange::arm_head() {
  if (!head_by_) head_by_ = Loop::current().now() + options_.header_timeout;
  Loop::current().start(stall_, *head_by_);
}

Http2ClientSession::Fields Http2ClientExchange::fields() const {
  Http2ClientSession::Fields fields = outgoing_->headers;
  const auto deadline = Context::current_deadline();
  if (deadline != Clock::time_point::max()) {
    const auto left =
        std::chrono::floor<std::chrono::milliseconds>(deadline - Loop::current().now());
    fields.emplace_back("request-timeout-ms", std::to_string(std::max<long long>(left.count(), 1)));
  }
  if (payload_->stream != nullptr) {
    if (auto size = payload_->stream->size()) {
      fields.emplace_back("content-length", std::to_string(*size));
    }
  } else if (!payload_->bytes.empty()) {
    fields.emplace_back("content-length", std::to_string(payload_->bytes.size()));
  }
  return fields;
}

Result<> Http2ClientExchange::submit() {
  const Http2ClientSession::Fields all = fields();
  const std::string authority = outgoing_->url.authority();
  const std::string target = outgoing_->url.target();
  Http2ClientSession::Request request;
  request.method = outgoing_->method_name;
  request.scheme = outgoing_->url.tls() ? "https" : "http";
  request.authority = authority;
  request.path = target;
  request.fields = &all;
  const bool streamed = payload_->stream != nullptr;
  request.has_body = streamed || !payload_->bytes.empty();
  if (!streamed) upload_ = payload_->bytes;
  last_ = !streamed;
  KIT_TRY(connection_.session_.submit(request, *this));
  progress_->sent = true;
  if (!request.has_body) upload_ended();
  if (!upload_.empty()) arm(send_stall_, options_.write_timeout);
  return {};
}

Task<Response> Http2ClientExchange::head() {
  const Result<> submitted = submit();
  if (!submitted.ok()) co_return submitted.error().clone().with_reason("CONNECTION_LOST");
  connection_.flush();
  if (payload_->stream != nullptr && !failure_) {
    Context::Entry entry(&sending_);
    sender_.emplace(send_stream());
    auto ended = [](void* self) { static_cast<Http2ClientExchange*>(self)->sender_ended(); };
    if (sender_->start(ended, this)) sender_ended();
  }
  while (!has_head_) {
    if (failure_) co_return failure_->clone();
    if (sent_) arm_head();
    Wait wait(reading_);
    co_await wait;
  }
  stall_.stop();
  outgoing_ = nullptr;
  progress_ = nullptr;
  co_return std::move(response_);
}

void Http2ClientExchange::on_head(int status, Http2ClientSession::Fields all) {
  if (failure_) return;
  progress_->answered = true;
  connection_.earn(answer_overhead);
  if (status > 599) return fail(malformed_response("the status is out of range"));
  if (all.size() > options_.response.header_count) {
    return fail(malformed_response("there are too many header fields"));
  }
  response_.status = status;
  for (const auto& [name, value] : all) {
    if (name != "content-length" || is_head_request_ || status == 304) continue;
    // The session has seen to it that it is a number, and what the body has.
    if (const auto size = parse_int(value); size && *size >= 0) {
      size_ = static_cast<std::uint64_t>(*size);
    }
  }
  std::erase_if(all, [](const auto& field) { return field.first == "trailer"; });
  response_.headers = std::move(all);
  has_head_ = true;
  if (reading_ != nullptr) reading_->wake();
}

void Http2ClientExchange::on_body(std::string_view bytes) {
  connection_.earn(bytes.size());
  received_ += bytes;
  if (reading_ != nullptr && has_head_) reading_->wake();
}

void Http2ClientExchange::on_failure(Error why, bool is_unprocessed) {
  if (is_unprocessed && progress_ != nullptr) progress_->sent = progress_->answered = false;
  if (why.code() == Code::resource_exhausted) return fail(malformed_response(why.message()));
  if (!why.reason().empty()) return fail(std::move(why));
  fail(std::move(why).with_reason(is_unprocessed ? "STREAM_REFUSED" : "STREAM_RESET"));
}

/// The answer is whole.
void Http2ClientExchange::finish() {
  if (failure_ || std::exchange(answered_, true)) return;
  send_stall_.stop();
  wake_all();
}

void Http2ClientExchange::fail(Error why) {
  if (failure_ || answered_) return;
  failure_ = std::move(why);
  stall_.stop();
  send_stall_.stop();
  connection_.session_.cancel(*this);
  wake_all();
}

void Http2ClientExchange::wake_all() {
  if (reading_ != nullptr) reading_->wake();
  if (taking_ != nullptr) taking_->wake();
  if (sending_wait_ != nullptr) sending_wait_->wake();
}

Task<std::string_view> Http2ClientExchange::read() {
  if (!piece_.empty()) {
    connection_.session_.consume(*this, piece_.size());
    piece_.clear();
    connection_.flush();
  }
  while (received_.empty()) {
    if (answered_) co_return std::string_view();
    if (failure_) co_return failure_->clone();
    arm(stall_, options_.read_timeout);
    Wait wait(reading_);
    co_await wait;
    stall_.stop();
  }
  piece_.swap(received_);
  co_return std::string_view(piece_);
}

Http2ClientSession::Piece Http2ClientExchange::next_body(std::size_t most) {
  if (sending_stopped_) return {};
  const std::string_view bytes = upload_.substr(0, most);
  upload_.remove_prefix(bytes.size());
  send_stall_.stop();
  if (!upload_.empty()) {
    arm(send_stall_, options_.write_timeout);
  } else if (taking_ != nullptr) {
    taking_->wake();
  }
  const bool ends = upload_.empty() && last_;
  if (ends) upload_ended();
  return {bytes, ends};
}

void Http2ClientExchange::upload_ended() {
  sent_ = true;
  if (sending_wait_ != nullptr) sending_wait_->wake();
  if (reading_ != nullptr && !has_head_) arm_head();
}

Task<> Http2ClientExchange::send_stream() {
  const std::optional<std::uint64_t> size = payload_->stream->size();
  std::uint64_t total = 0;
  payload_->begun = true;
  while (!last_) {
    const std::string_view piece = co_await payload_->stream->read();
    total += piece.size();
    if (size && (total > *size || (piece.empty() && total < *size))) {
      co_await Error(Code::internal, "the body of a request has not the size that it stated")
          .with_reason("BODY_SIZE_WRONG");
    }
    upload_ = piece;
    last_ = piece.empty();
    if (!last_) arm(send_stall_, options_.write_timeout);
    connection_.session_.resume(*this);
    connection_.flush();
    while (!upload_.empty()) {
      if (failure_ || answered_) co_return;
      Wait wait(taking_);
      co_await wait;
    }
  }
}

void Http2ClientExchange::sender_ended() {
  Result<> result = sender_->take();
  if (result.ok()) return;
  fail(std::move(result).error());
  connection_.flush();
}

Task<> Http2ClientExchange::sent() {
  while (!sent_ && !failure_ && !answered_ && !sending_stopped_) {
    Wait wait(sending_wait_);
    co_await wait;
  }
  if (failure_) co_await failure_->clone();
}

void Http2ClientExchange::stop_sending() {
  if (sent_) return;
  sending_stopped_ = true;
  upload_ = {};
  send_stall_.stop();
  sender_.reset();
  if (sending_wait_ != nullptr) sending_wait_->wake();
}

}  // namespace kit::http::detail
