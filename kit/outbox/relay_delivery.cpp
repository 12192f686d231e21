// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include "kit/async/context.hpp"
#include "kit/async/operation.hpp"
#include "kit/base/failpoint.hpp"
#include "kit/base/text.hpp"
#include "kit/outbox/detail/relay_state.hpp"
#include "kit/queue/trace.hpp"

namespace kit::outbox {
namespace {

using detail::Round;
using detail::Stream;

/// What is kept of a failure: for people, and some drivers write books.
constexpr std::size_t most_problem_bytes = 2'000;
/// For giving back what was claimed after a cancellation.
constexpr auto release_limit = std::chrono::seconds{2};

queue::Message message_of(const Event& event, const std::string& prefix) {
  queue::Message message;
  message.id = event.id;
  message.topic = event.aggregate.empty() ? prefix : prefix + '.' + event.aggregate;
  message.key = event.key;
  message.type = event.type;
  message.payload = event.payload;
  message.created_at = event.created_at;
  message.headers = event.headers;
  return message;
}

bool was_cancelled() {
  const Context* const context = Context::current();
  return context != nullptr && context->cancelled();
}

/// Whether nothing can be published now, as opposed to one event never.
bool is_of_broker(const Error& error) {
  return is_passing(error) || error.code() == Code::deadline_exceeded;
}

Task<> give_back(db::Database& database, const Round& round) {
  Context detached{Context::Detached()};
  Context::Scope scope(detached);
  Task<> releasing = detail::release(database, round.claimed, round.token);
  Task<> limited = with_deadline(release_limit, std::move(releasing));
  const Result<> released = co_await as_result(std::move(limited));
  scope.leave();
  // The lease ends by itself.
  if (!released)
    log::debug(outbox_log, "a claim was not given back", {{"error", released.error()}});
}

}  // namespace

/// Whatever happens, what was claimed and not delivered is free for the next look.
Task<std::size_t> Relay::State::deliver(Round& round) {
  std::size_t delivered = 0;
  TaskGroup renewing("outbox leases");
  renewing.spawn("renew", renew_until_cancelled(round));
  Task<> all = deliver_all(round, delivered);
  const Result<> done = co_await as_result(std::move(all));
  renewing.cancel();
  Task<> ended = renewing.join();
  (void)co_await as_result(std::move(ended));  // was cancelled, which is no failure
  KIT_FAILPOINT("relay.before_release");
  co_await give_back(database, round);
  if (!done) co_return done.error().clone();
  co_return delivered;
}

Task<> Relay::State::renew_until_cancelled(const Round& round) {
  while (true) {
    co_await sleep_for(options.lease / 3);
    const Timestamp now = Timestamp::now();
    const detail::Lease lease{round.token, now, Timestamp{now.since_epoch + options.lease}};
    Task<> renewing = detail::renew(database, round.claimed, lease);
    const Result<> renewed = co_await as_result(std::move(renewing));
    // Then others may take over, which costs repetitions at most.
    if (!renewed && !was_cancelled())
      log::warn(outbox_log, "a lease could not be renewed", {{"error", renewed.error()}});
  }
}

Task<> Relay::State::deliver_all(Round& round, std::size_t& delivered) {
  std::vector<Stream*> outside;
  Semaphore permits(options.concurrency);
  TaskGroup telling("outbox subscribers");
  struct Tell {
    static Task<> with_permit(State* state, Semaphore* permits, Stream* stream, std::size_t* sum) {
      Semaphore::Permit permit = co_await permits->acquire();
      co_await state->tell(*stream, *sum);
      permit.release();
    }
  };
  for (Stream& stream : round.streams) {
    if (stream.events.front().destination.empty()) {
      outside.push_back(&stream);
    } else {
      telling.spawn(Tell::with_permit(this, &permits, &stream, &delivered));
    }
  }
  Result<> published;
  if (!outside.empty()) {
    Task<> publishing = publish(std::move(outside), delivered);
    published = co_await as_result(std::move(publishing));
  }
  co_await telling.join();
  if (!published) co_await published.error().clone();
}

/// All at once; when one of them is refused, each key by itself, so that the others go out.
Task<> Relay::State::publish(std::vector<Stream*> streams, std::size_t& delivered) {
  std::vector<const Event*> events;
  for (const Stream* stream : streams) {
    for (const Event& event : stream->events) events.push_back(&event);
  }
  std::ranges::sort(events, {}, &Event::sequence);
  Task<> publishing = publish_events(std::move(events), delivered);
  const Result<> published = co_await as_result(std::move(publishing));
  if (published || was_cancelled()) co_return;
  if (is_of_broker(published.error())) {
    // The broker, not an event: nothing of it counts against one.
    const auto wait = backoff(++failed_publications, longest_outage_backoff());
    publish_at = Clock::now() + wait;
    count("", "failed");
    log::warn(outbox_log, "events can't be published now",
              {{"error", published.error()}, {"next_try_in", wait}});
    co_return;
  }
  for (const Stream* stream : streams) co_await publish_one_by_one(*stream, delivered);
}

Task<> Relay::State::publish_events(std::vector<const Event*> events, std::size_t& delivered) {
  std::vector<queue::Message> messages;
  std::vector<std::int64_t> rows;
  for (const Event* event : events) {
    messages.push_back(message_of(*event, options.topic_prefix));
    rows.push_back(event->sequence);
  }
  co_await KIT_FAILPOINT_RESULT("relay.before_publish");
  std::vector<telemetry::Span> spans = queue::trace_messages(messages, options.tracer);
  Task<> publishing = with_deadline(options.timeout, publisher->publish(messages));
  const Result<> published = co_await as_result(std::move(publishing));
  queue::end_spans(spans, published);
  if (!published) co_await published.error().clone();
  KIT_FAILPOINT("relay.after_publish");
  failed_publications = 0;
  const std::int64_t done = co_await detail::finish(database, rows, Timestamp::now());
  KIT_FAILPOINT("relay.after_finish");
  delivered += static_cast<std::size_t>(done);
  count("", "delivered", static_cast<std::uint64_t>(done));
}

Task<> Relay::State::publish_one_by_one(const Stream& stream, std::size_t& delivered) {
  for (const Event& event : stream.events) {
    std::vector<const Event*> one{&event};
    Task<> publishing = publish_events(std::move(one), delivered);
    const Result<> published = co_await as_result(std::move(publishing));
    if (published) continue;
    if (!was_cancelled() && !is_of_broker(published.error()))
      co_await note_failure(event, published.error());
    co_return;
  }
}

/// The events of one key to one subscriber, in their order, up to the first that fails or that
/// somebody else has taken over.
Task<> Relay::State::tell(Stream& stream, std::size_t& delivered) {
  Subscriber* const subscriber = find(stream.events.front().destination);
  if (subscriber == nullptr) co_return;
  for (const Event& event : stream.events) {
    if (stopping.load()) co_return;
    Task<bool> telling = with_deadline(options.timeout, tell_one(*subscriber, event));
    const Result<bool> told = co_await as_result(std::move(telling));
    if (!told && was_cancelled()) co_return;
    if (!told) {
      co_await note_failure(event, told.error());
      co_return;
    }
    if (!*told) co_return;
    ++delivered;
    count(event.destination, "delivered");
  }
}

/// In a span of its own, below what told of the event.
Task<bool> Relay::State::tell_one(Subscriber& subscriber, const Event& event) {
  const std::string title = "process " + event.type;
  telemetry::SpanScope::Begin begin;
  begin.tracer = options.tracer;
  begin.name = title;
  begin.kind = telemetry::SpanKind::consumer;
  for (const auto& [name, value] : event.headers) {
    if (name == "traceparent") begin.trace_parent = value;
    if (name == "request_id") begin.request_id = value;
  }
  telemetry::SpanScope scope(begin);
  scope.span().set(telemetry::attribute::messaging_operation_type, "process");
  scope.span().set(telemetry::attribute::messaging_group, subscriber.name);
  scope.span().set(telemetry::attribute::messaging_message_id, event.id);
  Task<bool> telling = take_and_tell(subscriber, event);
  Result<bool> told = co_await as_result(std::move(telling));
  if (!told) scope.span().fail(told.error());
  scope.end();
  co_return std::move(told);
}

/// The row is what makes it once: whoever marks it as delivered, in the transaction of the effect,
/// has it. False: somebody else did.
Task<bool> Relay::State::take_and_tell(Subscriber& subscriber, const Event& event) {
  const std::unique_ptr<db::Transaction> work = co_await database.begin();
  const std::array<std::int64_t, 1> row{event.sequence};
  const std::int64_t taken = co_await detail::finish(*work, row, Timestamp::now());
  if (taken != 1) co_return false;
  co_await KIT_FAILPOINT_RESULT("relay.before_handler");
  co_await subscriber.handle(event, *work);
  co_await KIT_FAILPOINT_RESULT("relay.after_handler");
  co_await work->commit();
  KIT_FAILPOINT("relay.after_effect");
  co_return true;
}

Task<> Relay::State::note_failure(const Event& event, const Error& why) {
  const int attempts = event.attempts + 1;
  const std::string problem = why.describe().substr(0, most_problem_bytes);
  const std::string valid = valid_utf8(problem);
  const bool is_dead = attempts >= options.max_attempts && !is_passing(why);
  detail::Failure failure;
  failure.sequence = event.sequence;
  failure.attempts = attempts;
  failure.problem = valid;
  if (!is_dead)
    failure.retry_at =
        Timestamp{Timestamp::now().since_epoch + backoff(attempts, options.longest_backoff)};
  count(event.destination, "failed");
  log::warn(outbox_log, is_dead ? "an event is a dead letter" : "an event could not be delivered",
            {{"event", event.id},
             {"type", event.type},
             {"destination", event.destination},
             {"attempts", attempts},
             {"error", why}});
  co_await KIT_FAILPOINT_RESULT("relay.before_failure");
  co_await detail::fail(database, failure);
  KIT_FAILPOINT("relay.after_failure");
  if (is_dead) count(event.destination, "dead");
}

}  // namespace kit::outbox
