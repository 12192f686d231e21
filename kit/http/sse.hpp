// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/http/message.hpp"

namespace kit::http {

/// One server-sent event (WHATWG HTML, section 9.2).
struct Event {
  std::string id;     ///< What the client sends as Last-Event-ID when it comes back; empty: none.
  std::string event;  ///< Its type; empty: "message".
  std::string data;   ///< May have several lines.
  std::optional<std::chrono::milliseconds> retry;  ///< How long a client waits to come back.
};

/// Appends an event as it is sent. Whatever is in it, it stays one event: lines end as LF, CR or CR
/// LF in `data`, and what follows a line end or NUL in `id` and `event` is dropped.
void append_event(std::string& out, const Event& event);

/// Where a task puts events. One `send` at a time.
class EventWriter {
 public:
  /// Returns when the event was taken by the connection. Fails with `cancelled` when the client is
  /// gone.
  virtual Task<> send(Event event) = 0;
  /// For events that are data only.
  Task<> send_data(std::string data);

 protected:
  ~EventWriter() = default;
};

struct EventStreamOptions {
  /// A comment is sent after so long without an event, so that proxies keep the connection and a
  /// client that is gone is noticed. 0: never.
  std::chrono::milliseconds keep_alive{15'000};
};

/// An answer of events that `producer` sends until it ends. It starts when the server sends the
/// answer, under no deadline, and is dropped when the client goes.
Response event_stream(Function<Task<>(EventWriter&)> producer, EventStreamOptions options = {});

/// Where a client that comes back left off; nothing: it is new. At most 1 KiB of printable UTF-8,
/// otherwise it is as if it was not sent.
std::optional<std::string_view> last_event_id(const Request& request);

}  // namespace kit::http
