// SPDX-License-Identifier: Apache-2.0
#include "kit/outbox/event.hpp"

#include <algorithm>
#include <array>

#include "kit/base/context.hpp"
#include "kit/base/failpoint.hpp"
#include "kit/base/uuid.hpp"
#include "kit/json/writer.hpp"
#include "kit/outbox/detail/event_table.hpp"
#include "kit/telemetry/trace_context.hpp"

namespace kit::outbox {
namespace {

/// What the work that tells of the event was done for, so that its effects can be traced to it.
std::string headers_of_work() {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  if (const LogContext* const work = current_log_context; work != nullptr) {
    if (telemetry::is_set(work->trace_id) && telemetry::is_set(work->span_id)) {
      out.member("traceparent", telemetry::trace_parent(*work, work->span_id));
    }
    if (!work->request_id.empty()) out.member("request_id", work->request_id);
  }
  out.end_object();
  return text;
}

Result<> check_name(std::string_view what, std::string_view name) {
  if (!name.empty() && name.size() <= max_name_bytes) return {};
  return Error(Code::invalid_argument, std::string(what) + " of an event has 1 to 63 bytes, not " +
                                           std::to_string(name.size()))
      .with_reason("EVENT_NAME");
}

Result<> check(const NewEvent& event) {
  KIT_TRY(check_name("the type", event.type));
  KIT_TRY(check_name("the aggregate", event.aggregate));
  for (const std::string_view subscriber : event.subscribers)
    KIT_TRY(check_name("a subscriber", subscriber));
  if (event.key.size() > max_key_bytes || event.payload.size() > max_payload_bytes) {
    return Error(Code::invalid_argument,
                 "the event " + std::string(event.type) +
                     " is too large: its payload has at most 1 MiB, its key 255 bytes")
        .with_reason("EVENT_TOO_LARGE");
  }
  return {};
}

}  // namespace

Task<> add(db::Session& session, NewEvent event) {
  co_await check(event);
  const std::string id = Uuid::make_v7().to_string();
  const std::string headers = headers_of_work();
  detail::StoredEvent row;
  row.id = id;
  row.aggregate = event.aggregate;
  row.key = event.key.empty() ? std::string_view(id) : event.key;
  row.type = event.type;
  row.payload = event.payload;
  row.headers = headers;
  row.created_at = Timestamp::now();
  co_await KIT_FAILPOINT_RESULT("outbox.before_add");
  co_await detail::insert(session, row);
  for (const std::string_view subscriber : event.subscribers) {
    KIT_FAILPOINT("outbox.between_destinations");
    row.destination = subscriber;
    co_await detail::insert(session, row);
  }
  co_await KIT_FAILPOINT_RESULT("outbox.after_add");
}

}  // namespace kit::outbox
