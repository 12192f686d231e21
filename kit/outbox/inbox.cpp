// SPDX-License-Identifier: Apache-2.0
#include "kit/outbox/inbox.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "kit/async/context.hpp"
#include "kit/async/operation.hpp"
#include "kit/base/failpoint.hpp"
#include "kit/base/sha256.hpp"
#include "kit/base/text.hpp"
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

/// As every database keeps it: a handler that can't read what comes of it makes a dead letter,
/// which is better than a message that nobody can take.
std::string storable(std::string_view text, std::size_t most = std::string::npos) {
  std::string valid = valid_utf8(text.substr(0, most));
  for (std::size_t at = valid.find('\0'); at != std::string::npos; at = valid.find('\0', at))
    valid.replace(at, 1, "\uFFFD");
  return valid;
}

/// What identifies something: itself, or its digest when a column has no room for it, or takes it
/// for another one: MariaDB compares without blanks at the end.
std::string short_name(const std::string& name) {
  std::string valid = storable(name);
  const bool is_kept = valid == name && valid.size() <= max_key_bytes && !valid.ends_with(' ');
  return is_kept ? valid : "sha256:" + sha256_hex(name);
}

std::string headers_of(const queue::Message& message) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  for (const auto& [name, value] : message.headers) {
    out.key(storable(name));
    out.string(storable(value));
  }
  out.end_object();
  return text;
}

}  // namespace

Inbox::Inbox(db::Database& database, std::string subscriber)
    : database_(database), subscriber_(std::move(subscriber)) {}

/// Two at once: the second waits for the end of the first one's transaction.
Task<> Inbox::note(db::Transaction& transaction, const queue::Message& message) const {
  const std::string id = short_name(message.id);
  const std::array<db::Parameter, 3> parameters{
      std::string_view(subscriber_), std::string_view(id),
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
  const std::string id = short_name(message.id);
  const std::string key = short_name(message.key.empty() ? message.id : message.key);
  const std::string topic = short_name(message.topic);
  const std::string type = storable(message.type, max_key_bytes / 3);
  const std::string payload = storable(message.payload);
  auto store = [&](const queue::Message&, db::Transaction& work) -> Task<> {
    detail::StoredEvent row;
    row.id = id;
    row.destination = subscriber_;
    row.aggregate = topic;
    row.key = key;
    row.type = type;
    row.payload = payload;
    row.headers = headers;
    row.created_at = message.created_at;
    co_await detail::insert(work, row);
  };
  const Handler handle(store);
  const bool is_new = co_await consume(message, handle);
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
