// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <utility>

#include "kit/http/client/detail/core.hpp"

namespace kit::http::detail {
namespace {

/// How much of an unwanted body is read to keep its connection.
constexpr std::size_t most_discarded = 64 * 1024;

Error too_large(std::size_t most) {
  return Error(Code::resource_exhausted,
               "the answer is larger than " + std::to_string(most) + " bytes")
      .with_reason("RESPONSE_TOO_LARGE");
}

/// The body of an answer, which keeps its connection until it has ended.
class AnswerBody final : public BodyReader {
 public:
  AnswerBody(PoolLease lease, std::shared_ptr<Payload> payload,
             std::unique_ptr<ClientExchange> exchange, std::size_t most)
      : payload_(std::move(payload)),
        lease_(std::move(lease)),
        exchange_(std::move(exchange)),
        size_(exchange_->body_size()),
        most_(most) {}
  ~AnswerBody() override {
    if (exchange_ && exchange_->reusable()) end();
  }

  Task<std::string_view> read() override {
    if (std::exchange(reading_, true) && !failure_) {
      failure_ = Error(Code::cancelled, "a read of this body was dropped, maybe with bytes")
                     .with_reason("READ_DROPPED");
      exchange_.reset();
      lease_ = PoolLease();
    }
    if (failure_) co_return failure_->clone();
    if (!exchange_) co_return std::string_view();
    auto piece = co_await as_result(exchange_->read());
    reading_ = false;
    if (piece.ok() && most_ > 0 && piece->size() > most_ - received_) piece = too_large(most_);
    if (!piece.ok()) {
      failure_ = piece.error().clone();
      exchange_.reset();
      lease_ = PoolLease();
      co_return std::move(piece).error();
    }
    received_ += piece->size();
    if (piece->empty()) end();
    co_return *piece;
  }
  std::optional<std::uint64_t> size() const override { return size_; }

 private:
  void end() {
    const bool reusable = exchange_->reusable();
    exchange_.reset();
    lease_.finish(reusable);
  }

  std::shared_ptr<Payload> payload_;
  PoolLease lease_;
  std::unique_ptr<ClientExchange> exchange_;  // dropped before the connection
  std::optional<std::uint64_t> size_;
  std::size_t most_;  // 0: no limit
  std::size_t received_ = 0;
  bool reading_ = false;  // still set by the next read: this one was dropped
  std::optional<Error> failure_;
};

Task<std::string> read_body(ClientExchange& exchange, std::size_t most) {
  std::string body;
  if (const auto size = exchange.body_size()) {
    if (*size > most) co_return too_large(most);
    // What a server states is believed only so far.
    body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*size, 1024 * 1024)));
  }
  while (true) {
    const std::string_view piece = co_await exchange.read();
    if (piece.empty()) co_return std::move(body);
    if (piece.size() > most - body.size()) co_return too_large(most);
    body += piece;
  }
}

/// One try. Lifetime: all references until the task has ended.
Task<Response> attempt(std::shared_ptr<ClientCore> core, std::shared_ptr<PoolHost> host,
                       const Outgoing& outgoing, const SendOptions& options, Progress& progress,
                       bool fresh) {
  PoolLease lease = co_await core->pool->acquire(host, fresh);
  // A connection that was there can be had without waiting, or in the turn of the cancellation.
  const Context* const context = Context::current();
  if (context != nullptr && context->cancelled()) co_return context->why().clone();
  progress.reused = lease.reused();
  std::unique_ptr<ClientExchange> exchange = lease.use().begin(outgoing, progress);
  Response response = co_await exchange->head();
  if (options.stream && exchange->has_body()) {
    if (outgoing.borrowed) {
      // The caller's body is gone afterwards. That it could not be sent shows when the answer is
      // read; who has refused the request already wants no more of it.
      if (response.status >= 400) exchange->stop_sending();
      auto sent = co_await as_result(exchange->sent());
      if (!sent.ok()) exchange->stop_sending();
    }
    response.stream = std::make_unique<AnswerBody>(std::move(lease), outgoing.payload,
                                                   std::move(exchange), options.body_bytes);
    co_return std::move(response);
  }
  const std::size_t most =
      options.body_bytes != 0 ? options.body_bytes : core->options().body_bytes;
  if (exchange->has_body()) response.body = co_await read_body(*exchange, most);
  const bool reusable = exchange->reusable();
  exchange.reset();
  lease.finish(reusable);
  co_return std::move(response);
}

/// What came of the tries so far.
struct Tries {
  std::size_t failures = 0;
  bool fresh = false;  // the next one gets a new connection
};

/// Whether the connection was closed while it was idle, most likely: says nothing about the server.
bool is_stale(const Result<Response>& result, const Progress& progress) {
  return !result.ok() && is_transient(result.error()) && progress.reused && !progress.answered;
}

/// Tells the breaker of the host what came of a try.
void record(resilience::Dependency& dependency, resilience::Breaker::Call call,
            const Result<Response>& result, bool stale, Clock::time_point began) {
  if (stale) return;
  if (result.ok() && is_failing(*result)) return call.failed(Loop::current().now());
  dependency.record(std::move(call), result.ok() ? nullptr : &result.error(), began);
}

/// How long to wait before another try; nothing when there should be none.
std::optional<Clock::duration> next_pause(PoolHost& host, const Outgoing& outgoing,
                                          const SendOptions& options, const Progress& progress,
                                          const Result<Response>& result, Tries& tries) {
  if (!result.ok()) host.counter.add(&LiveNumbers::failures);
  const bool failed = result.ok() ? result->status == 503 : is_transient(result.error());
  if (!failed) {
    if (result.ok()) host.dependency->budget().succeeded();
    return std::nullopt;
  }
  const bool idempotent = options.idempotent || is_idempotent(outgoing);
  const bool safe = !outgoing.payload->begun && (idempotent || !progress.sent);
  if (is_stale(result, progress) && !tries.fresh) {
    host.counter.add(&LiveNumbers::stale);
    tries.fresh = true;
    return safe ? std::optional(Clock::duration::zero()) : std::nullopt;
  }
  const bool affordable = host.dependency->budget().failed();
  const RetryOptions limits = host.dependency->options().retry;
  if (!safe || !affordable || tries.failures >= limits.attempts) return std::nullopt;
  std::optional<Clock::duration> pause = host.dependency->backoff().delay(++tries.failures);
  if (result.ok()) {
    pause = retry_after(*result);
    if (!pause) return std::nullopt;
  }
  const auto deadline = Context::current_deadline();
  if (deadline != Clock::time_point::max() && *pause >= deadline - Loop::current().now()) {
    return std::nullopt;
  }
  return pause;
}

/// Sends, and follows redirects; `resent` counts what was sent after the first request.
Task<Response> send_and_follow(std::shared_ptr<ClientCore> core, Outgoing& outgoing,
                               const SendOptions& options, std::size_t& resent) {
  for (std::size_t followed = 0;; ++followed) {
    Response response = co_await send_with_retries(core, outgoing, options, resent);
    if (followed == options.redirects) co_return std::move(response);
    const bool follow = co_await redirect(outgoing, response, options);
    if (!follow) co_return std::move(response);
    co_await discard(std::move(response));
    ++resent;
  }
}

Task<Response> send_all(std::shared_ptr<ClientCore> core, Outgoing outgoing, SendOptions options) {
  const bool is_known = outgoing.method != Method::other;
  telemetry::Span span(is_known ? name(outgoing.method) : "HTTP", telemetry::SpanKind::client);
  describe(span, outgoing);
  if (core->options().propagate_ids) propagate_ids(outgoing, span);
  std::size_t resent = 0;
  Task<Response> sending = send_and_follow(std::move(core), outgoing, options, resent);
  if (!span.is_recording()) co_return co_await std::move(sending);
  Result<Response> result = co_await as_result(std::move(sending));
  if (resent > 0) {
    span.set(telemetry::attribute::http_resend_count, static_cast<std::int64_t>(resent));
  }
  if (!result) {
    span.fail(result.error());
  } else {
    span.set(telemetry::attribute::http_status, result->status);
    if (result->status >= 400) span.fail(std::to_string(result->status));
  }
  span.end();
  co_return std::move(result);
}

}  // namespace

Task<Response> send_with_retries(std::shared_ptr<ClientCore> core, Outgoing& outgoing,
                                 const SendOptions& options, std::size_t& resent) {
  const std::shared_ptr<PoolHost> host = core->pool->host(outgoing.url);
  Tries tries;
  while (true) {
    Progress progress;
    const Clock::time_point began = Loop::current().now();
    auto call = host->dependency->breaker().try_enter(began);
    if (!call) {
      host->counter.add(&LiveNumbers::refused);
      co_return host->dependency->breaker().refusal("requests to " + host->name, began);
    }
    auto result = co_await as_result(attempt(core, host, outgoing, options, progress, tries.fresh));
    record(*host->dependency, std::move(*call), result, !tries.fresh && is_stale(result, progress),
           began);
    const auto pause = next_pause(*host, outgoing, options, progress, result, tries);
    if (!pause) co_return std::move(result);
    host->counter.add(&LiveNumbers::retries);
    ++resent;
    if (result.ok()) co_await discard(std::move(*result));
    if (*pause > Clock::duration::zero()) co_await sleep_for(*pause);
  }
}

Task<> discard(Response response) {
  if (!response.stream) co_return;
  std::size_t read = 0;
  while (read < most_discarded) {
    auto piece = co_await as_result(response.stream->read());
    if (!piece.ok() || piece->empty()) co_return;
    read += piece->size();
  }
}

Task<Response> send(std::shared_ptr<ClientCore> core, Outgoing outgoing, SendOptions options) {
  Clock::duration limit = options.timeout;
  if (limit == Clock::duration::zero()) limit = core->options().timeout;
  auto sending = send_all(std::move(core), std::move(outgoing), options);
  if (limit == Clock::duration::zero()) return sending;
  return with_deadline(limit, std::move(sending));
}

}  // namespace kit::http::detail
