// SPDX-License-Identifier: Apache-2.0
#include "kit/http/sse.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/async/semaphore.hpp"
#include "kit/async/task_group.hpp"
#include "kit/base/text.hpp"

namespace kit::http {
namespace {

constexpr std::size_t max_last_event_id = 1024;

/// A field of one line. An id with a NUL would be ignored by clients, so it ends there too.
void append_line(std::string& out, std::string_view name, std::string_view value) {
  constexpr std::string_view ends("\r\n\0", 3);
  out.append(name).append(": ").append(value.substr(0, value.find_first_of(ends))).append("\n");
}

/// Writes what a producer sends, and comments when that is nothing for long.
class Writer final : public EventWriter {
 public:
  Writer(BodyWriter& out, std::chrono::milliseconds keep_alive)
      : out_(out), keep_alive_(keep_alive) {}

  Task<> send(Event event) override {
    std::string text;
    append_event(text, event);
    return write(std::move(text));
  }

  /// Runs until it is cancelled.
  Task<> keep_alive() {
    while (true) {
      const Clock::time_point due = last_ + keep_alive_;
      const Clock::time_point now = Loop::current().now();
      if (now < due) {
        auto sleeping = sleep_for(due - now);
        co_await sleeping;
      } else {
        std::string comment = ":\n\n";
        co_await write(std::move(comment));
      }
    }
  }

 private:
  Task<> write(std::string text) {
    const Mutex::Lock lock = co_await mutex_.lock();
    co_await out_.write(text);
    last_ = Loop::current().now();
  }

  BodyWriter& out_;
  std::chrono::milliseconds keep_alive_;
  Mutex mutex_;
  Clock::time_point last_ = Loop::current().now();
};

/// The producer beside the comments, which end with it.
Task<> produce(Function<Task<>(EventWriter&)>& producer, EventStreamOptions options,
               BodyWriter& out) {
  Writer writer(out, options.keep_alive);
  if (options.keep_alive.count() == 0) {
    co_await producer(writer);
    co_return;
  }
  TaskGroup comments("keep-alive comments");
  comments.spawn(writer.keep_alive());
  Task<> producing = producer(writer);
  Result<> produced = co_await as_result(std::move(producing));
  comments.cancel();
  const Result<> ended = co_await as_result(comments.join());
  if (!produced.ok()) co_await std::move(produced);
  if (!ended.ok() && ended.error().code() != Code::cancelled) co_await ended.error().clone();
}

}  // namespace

void append_event(std::string& out, const Event& event) {
  if (!event.id.empty()) append_line(out, "id", event.id);
  if (!event.event.empty()) append_line(out, "event", event.event);
  if (event.retry)
    append_line(out, "retry", std::to_string(std::max<long long>(event.retry->count(), 0)));
  std::string_view rest = event.data;
  while (true) {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    out.append("data: ").append(rest.substr(0, end)).append("\n");
    if (end == rest.size()) break;
    rest.remove_prefix(rest.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
  }
  out += '\n';
}

Task<> EventWriter::send_data(std::string data) {
  Event event;
  event.data = std::move(data);
  return send(std::move(event));
}

Response event_stream(Function<Task<>(EventWriter&)> producer, EventStreamOptions options) {
  Response response;
  response.content_type = "text/event-stream";
  // The last: nginx and its kin gather answers unless they are told not to.
  response.headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
  auto owned = std::make_unique<Function<Task<>(EventWriter&)>>(std::move(producer));
  response.stream = stream_from([owned = std::move(owned), options](BodyWriter& out) {
    return produce(*owned, options, out);
  });
  return response;
}

std::optional<std::string_view> last_event_id(const Request& request) {
  const std::optional<std::string_view> id = request.header("Last-Event-ID");
  if (!id || id->empty() || id->size() > max_last_event_id || !is_utf8(*id)) return std::nullopt;
  const bool is_printable = std::ranges::none_of(*id, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
  return is_printable ? id : std::nullopt;
}

}  // namespace kit::http
