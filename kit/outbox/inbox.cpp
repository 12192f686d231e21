// SPDX-License-Identifier: Apache-2.0
#include "kit/outbox/inbox.hpp"

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "kit/async/context.hpp"
#include "kit/async/operation.hpp"
#include "kit/base/failpoint.hpp"
#include "kit/json/writer.hpp"
#include "kit/log/log.hpp"
#include "kit/outbox/detail/event_table.hpp"
#include "kit/outbox/event.hpp"

namespace kit::outbox {
namespace {

log::Module inbox_log{"inbox"};

constexpr std::chrono::milliseconds receive_wait{1'000};
constexpr std::chrono::milliseconds first_wait{100};
constexpr std::chrono::milliseconds longest_wait{30'000};

constexpr std::string_view note_sql = R"sql(
  INSERT INTO kit_inbox (subscriber, message_id, taken_at)
  VALUES (?1, ?2, ?3))sql";

bool was_cancelled() {
  const Context* const context = Context::current();
  return context != nullptr && context->cancelled();
}

/// Whether this is what a message that came before fails with.
bool is_repetition(const Error& error) {
  return error.reason() == "MESSAGE_REPEATED";
}

std::string headers_of(const queue::Message& message) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  for (const auto& [name, value] : message.headers) {
    out.key(name);
    out.string(value);
  }
  out.end_object();
  return text;
}

}  // namespace

Inbox::Inbox(db::Database& database, std::string subscriber)
    : database_(database), subscriber_(std::move(subscriber)) {}

/// Two at once: the second waits for the end of the first one's transaction.
Task<> Inbox::note(db::Transaction& transaction, const queue::Message& message) const {
  const std::array<db::Parameter, 3> parameters{
      std::string_view(subscriber_), std::string_view(message.id),
      static_cast<std::int64_t>(Timestamp::now().since_epoch.count())};
  Task<db::Session::Changed> inserting = transaction.execute(note_sql, parameters);
  Result<db::Session::Changed> noted = co_await as_result(std::move(inserting));
  if (noted) co_return;
  if (noted.error().code() != Code::already_exists) co_await std::move(noted).error();
  co_await Error(Code::already_exists, "the message " + message.id + " was taken before")
      .with_reason("MESSAGE_REPEATED");
}

Task<bool> Inbox::consume(const queue::Message& message, Handler handle) {
  const std::unique_ptr<db::Transaction> work = co_await database_.begin();
  const Result<> noted = co_await as_result(note(*work, message));
  if (!noted && is_repetition(noted.error())) co_return false;
  if (!noted) co_return noted.error().clone();
  co_await KIT_FAILPOINT_RESULT("inbox.before_handler");
  co_await handle(message, *work);
  co_await KIT_FAILPOINT_RESULT("inbox.before_commit");
  co_await work->commit();
  KIT_FAILPOINT("inbox.after_commit");
  co_return true;
}

Task<bool> Inbox::accept(const queue::Message& message) {
  const std::string headers = headers_of(message);
  auto store = [&](const queue::Message&, db::Transaction& work) {
    detail::StoredEvent row;
    row.id = message.id;
    row.destination = subscriber_;
    row.aggregate = message.topic;
    row.key = message.key.empty() ? message.id : message.key;
    row.type = message.type;
    row.payload = message.payload;
    row.headers = headers;
    row.created_at = message.created_at;
    return detail::insert(work, row);
  };
  const bool is_new = co_await consume(message, Handler(store));
  if (is_new) announce();
  co_return is_new;
}

Task<> Inbox::receive(queue::Consumer& consumer, std::size_t batch) {
  std::chrono::milliseconds wait = first_wait;
  struct Take {
    static Task<> all(Inbox* inbox, queue::Consumer* from, std::size_t limit) {
      const std::vector<queue::Delivery> received = co_await from->receive(limit, receive_wait);
      for (const queue::Delivery& delivery : received) co_await inbox->accept(delivery.message);
      KIT_FAILPOINT("inbox.before_acknowledge");
      if (!received.empty()) co_await from->acknowledge(received);
      KIT_FAILPOINT("inbox.after_acknowledge");
    }
  };
  while (true) {
    const Result<> taken = co_await as_result(Take::all(this, &consumer, batch));
    if (taken) {
      wait = first_wait;
      continue;
    }
    if (was_cancelled()) co_await taken.error().clone();
    log::warn(inbox_log, "messages can't be taken now",
              {{"subscriber", subscriber_}, {"error", taken.error()}, {"next_try_in", wait}});
    co_await sleep_for(wait);
    wait = std::min(2 * wait, longest_wait);
  }
}

}  // namespace kit::outbox
