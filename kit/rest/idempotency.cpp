// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/idempotency.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/base/caller.hpp"
#include "kit/base/sha256.hpp"
#include "kit/base/text.hpp"
#include "kit/db/sql.hpp"
#include "kit/json/writer.hpp"
#include "kit/log/log.hpp"
#include "kit/net/stream.hpp"
#include "kit/rest/shown_rows.hpp"

namespace kit::rest {
namespace {

log::Module rest_log{"rest"};

constexpr std::size_t max_key_bytes = 255;
constexpr std::size_t max_caller_bytes = 255;
constexpr std::int64_t expiry_batch = 500;
constexpr std::string_view json_type = "application/json";

constexpr std::string_view find_sql = R"sql(
  SELECT fingerprint, status, headers, body
    FROM kit_idempotency_keys
   WHERE caller = ?1 AND "key" = ?2 AND created_at > ?3)sql";

// Whoever has inserted the row has the key; others wait for the end of that transaction.
constexpr std::string_view claim_or_take_over_sql = R"sql(
  INSERT INTO kit_idempotency_keys (caller, "key", fingerprint, status, headers, created_at)
  VALUES (?1, ?2, ?4, 0, '', ?5)
      ON CONFLICT (caller, "key") DO UPDATE
     SET fingerprint = excluded.fingerprint, created_at = excluded.created_at, body = NULL
   WHERE kit_idempotency_keys.created_at <= ?3)sql";
constexpr db::Sql claim_sql = {
    .sqlite = claim_or_take_over_sql,
    .postgresql = claim_or_take_over_sql,
    // Whether ON DUPLICATE KEY UPDATE has inserted the row or left it as it was its count of rows
    // does not tell, and IGNORE would let every other error pass: this fails when the row is there,
    // which ends no transaction on these servers.
    .mysql = R"sql(
  INSERT INTO kit_idempotency_keys (caller, "key", fingerprint, status, headers, created_at)
  VALUES (?1, ?2, ?4, 0, '', ?5))sql",
};

// Of a key that has expired; the second half of a claim where it takes two statements.
constexpr std::string_view take_over_sql = R"sql(
  UPDATE kit_idempotency_keys
     SET fingerprint = ?4, created_at = ?5, body = NULL
   WHERE caller = ?1 AND "key" = ?2 AND created_at <= ?3)sql";

constexpr std::string_view store_sql = R"sql(
  UPDATE kit_idempotency_keys
     SET status = ?3, headers = ?4, body = ?5
   WHERE caller = ?1 AND "key" = ?2)sql";

constexpr std::string_view forget_rows_sql = R"sql(
  DELETE FROM kit_idempotency_rows
   WHERE answer = (SELECT id FROM kit_idempotency_keys WHERE caller = ?1 AND "key" = ?2))sql";

constexpr db::Sql note_rows_sql = {
    .sqlite = R"sql(
  INSERT INTO kit_idempotency_rows (entity, row_id, answer)
  SELECT ?3, shown.value, stored.id
    FROM kit_idempotency_keys AS stored, json_each(?4) AS shown
   WHERE stored.caller = ?1 AND stored."key" = ?2
      ON CONFLICT DO NOTHING)sql",
    .postgresql = R"sql(
  INSERT INTO kit_idempotency_rows (entity, row_id, answer)
  SELECT CAST(?3 AS text), shown.value, stored.id
    FROM kit_idempotency_keys AS stored,
         jsonb_array_elements_text(CAST(?4 AS jsonb)) AS shown (value)
   WHERE stored.caller = ?1 AND stored."key" = ?2
      ON CONFLICT DO NOTHING)sql",
    // JSON_TABLE cuts off what is longer than it says: one more than fits, so that this is refused.
    .mysql = R"sql(
  INSERT INTO kit_idempotency_rows (entity, row_id, answer)
  SELECT ?3, shown.value, stored.id
    FROM kit_idempotency_keys AS stored,
         JSON_TABLE(?4, '$[*]' COLUMNS (value VARCHAR(256) PATH '$')) AS shown
   WHERE stored.caller = ?1 AND stored."key" = ?2
      ON DUPLICATE KEY UPDATE answer = kit_idempotency_rows.answer)sql",
};

constexpr db::Sql expire_sql = {
    .sqlite = R"sql(
  DELETE FROM kit_idempotency_keys
   WHERE id IN (SELECT id FROM kit_idempotency_keys
                 WHERE created_at <= ?1
                 ORDER BY created_at
                 LIMIT ?2))sql",
    // What another instance removes at the moment is not waited for.
    .postgresql = R"sql(
  DELETE FROM kit_idempotency_keys
   WHERE id IN (SELECT id FROM kit_idempotency_keys
                 WHERE created_at <= ?1
                 ORDER BY created_at
                 LIMIT ?2
                   FOR UPDATE SKIP LOCKED))sql",
    .mysql = R"sql(
  DELETE FROM kit_idempotency_keys
   WHERE created_at <= ?1
   ORDER BY created_at
   LIMIT ?2)sql",
};

Error bad_key(std::string_view problem) {
  std::string message = "Idempotency-Key ";
  message.append(problem);
  return Error(Code::invalid_argument, message)
      .with_reason("IDEMPOTENCY_KEY_INVALID")
      .with_violation("Idempotency-Key", std::string(problem));
}

/// The text of a quoted string; nothing for what is none.
std::optional<std::string> unquoted(std::string_view value) {
  if (value.size() < 2 || value.back() != '"') return std::nullopt;
  std::string text;
  for (std::size_t i = 1; i + 1 < value.size(); ++i) {
    if (value[i] == '"') return std::nullopt;
    if (value[i] == '\\') {
      ++i;
      const bool is_escape = i + 1 < value.size() && (value[i] == '"' || value[i] == '\\');
      if (!is_escape) return std::nullopt;
    }
    text += value[i];
  }
  return text;
}

bool is_visible(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c > '~') return false;
  }
  return true;
}

/// Which request it is, whenever it comes.
struct Repeatable {
  std::string key;
  std::string caller;  ///< Whose key it is; empty: nobody has said.
  std::string fingerprint;
  std::int64_t now = 0;
  std::int64_t expired = 0;  ///< Keys from then or before do not count.
  bool taken = false;        ///< Another request was first.
};

void add_part(Sha256& sum, std::string_view part) {
  sum.add(std::to_string(part.size()));
  sum.add(":");
  sum.add(part);
}

Repeatable identify(const http::Request& request, std::string key, std::chrono::seconds keep) {
  Repeatable repeatable;
  repeatable.key = std::move(key);
  // Told apart by where the name comes from: a certificate cannot take the keys of a login.
  if (current_caller != nullptr && !current_caller->subject.empty()) {
    repeatable.caller = "caller:" + current_caller->subject;
  } else if (request.tls != nullptr && request.tls->verified) {
    repeatable.caller = "tls:" + request.tls->subject;
  }
  // The name of a certificate may be long, and what is stored of it has 255 characters at most.
  if (repeatable.caller.size() > max_caller_bytes)
    repeatable.caller = "sha256:" + sha256_hex(repeatable.caller);
  Sha256 sum;
  add_part(sum, request.method_name);
  add_part(sum, request.target);
  add_part(sum, request.header("Content-Type").value_or(""));
  add_part(sum, request.header("If-Match").value_or(""));
  add_part(sum, request.body);
  if (current_caller != nullptr) {
    // With other roles it is another request: the answer may hold what they do not show.
    std::vector<std::string> roles = current_caller->roles;
    std::ranges::sort(roles);
    for (const std::string& role : roles) add_part(sum, role);
  }
  repeatable.fingerprint = sum.finish();
  const Timestamp now = Timestamp::now();
  repeatable.now = now.since_epoch.count();
  repeatable.expired = (now.since_epoch - keep).count();
  return repeatable;
}

/// "Name: value" lines. Cookies are for one answer only.
std::string header_lines(const http::Response& response) {
  std::string lines;
  const auto add = [&](std::string_view name, std::string_view value) {
    lines.append(name).append(": ").append(value).append("\n");
  };
  if (!response.content_type.empty()) add("Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers) {
    if (!iequals(name, "Set-Cookie")) add(name, value);
  }
  return lines;
}

http::Response stored_answer(std::int64_t status, std::string_view lines, std::string_view body) {
  http::Response response;
  response.status = static_cast<int>(status);
  for (const std::string_view line : split(lines, '\n')) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 2);
    if (name == "Content-Type" && value == json_type) {
      response.content_type = json_type;
    } else {
      response.headers.emplace_back(name, value);
    }
  }
  response.body = body;
  response.headers.emplace_back("Idempotency-Replayed", "true");
  return response;
}

/// The answer that was stored for the key. Fails when it was another request's.
Task<std::optional<http::Response>> find(db::Session& session, const Repeatable& request) {
  std::optional<http::Response> answer;
  bool is_same = true;
  const std::array<db::Parameter, 3> parameters = {std::string_view(request.caller),
                                                   std::string_view(request.key), request.expired};
  auto sink = [&](const db::Row& row) -> Result<> {
    is_same = row.text(0) == request.fingerprint;
    answer = stored_answer(row.int64(1), row.text(2), row.is_null(3) ? "" : row.text(3));
    return {};
  };
  co_await session.query(find_sql, parameters, sink);
  if (!is_same) {
    co_return Error(Code::invalid_argument,
                    "this Idempotency-Key was used for another request; a new request needs a new "
                    "key")
        .with_reason("IDEMPOTENCY_KEY_REUSED")
        .with_http_status(422);
  }
  co_return answer;
}

Error in_use(std::string message) {
  return Error(Code::aborted, std::move(message))
      .with_reason("IDEMPOTENCY_KEY_IN_USE")
      .with_http_status(409);
}

/// Makes the key this request's. Fails when it is another one's by now.
Task<> claim(db::Session& session, Repeatable& request) {
  const std::array<db::Parameter, 5> parameters = {
      std::string_view(request.caller), std::string_view(request.key), request.expired,
      std::string_view(request.fingerprint), request.now};
  const db::Dialect dialect = session.dialect();
  Result<db::Session::Changed> claimed =
      co_await as_result(session.execute(claim_sql.in(dialect), parameters));
  const bool is_there = !claimed && claimed.error().reason() == "UNIQUE_VIOLATION";
  if (is_there && dialect == db::Dialect::mysql)
    claimed = co_await as_result(session.execute(take_over_sql, parameters));
  if (!claimed) {
    // A deadlock is two that take over a key that has expired.
    const std::string_view reason = claimed.error().reason();
    const bool is_held = reason == "LOCK_TIMEOUT" || reason == "DEADLOCK";
    if (!is_held) co_await std::move(claimed).error();
    co_await in_use("another request with this Idempotency-Key is under way; try again later");
  }
  request.taken = claimed->rows == 0;
  if (request.taken) {
    co_await in_use("another request with this Idempotency-Key was first; try again");
  }
}

/// The answer of the request that was first, once it is as durable as its own client believes.
Task<std::optional<http::Response>> find_first(db::Database& database, const Repeatable& request) {
  const std::unique_ptr<db::Transaction> turn = co_await database.begin();
  std::optional<http::Response> first = co_await find(*turn, request);
  co_await turn->commit();
  co_return first;
}

Task<> store(db::Session& session, const Repeatable& request, const http::Response& response,
             std::size_t max_bytes) {
  const std::string lines = header_lines(response);
  const std::string_view body =
      response.static_body.empty() ? std::string_view(response.body) : response.static_body;
  db::Parameter stored = nullptr;
  if (response.stream == nullptr && body.size() <= max_bytes) stored = db::Blob{body};
  const std::array<db::Parameter, 5> parameters = {
      std::string_view(request.caller), std::string_view(request.key),
      static_cast<std::int64_t>(response.status), std::string_view(lines), stored};
  co_await session.execute(store_sql, parameters);
}

/// What the answer shows, so that a purge finds it.
Task<> store_rows(db::Session& session, const Repeatable& request, const ShownRows& shown) {
  if (shown.all().empty()) co_return;
  const std::array<db::Parameter, 2> key = {std::string_view(request.caller),
                                            std::string_view(request.key)};
  co_await session.execute(forget_rows_sql, key);  // of an answer that has expired
  for (const auto& [entity, rows] : shown.all()) {
    std::string ids;
    json::Writer(ids).value(rows);
    const std::array<db::Parameter, 4> parameters = {key[0], key[1], std::string_view(entity),
                                                     std::string_view(ids)};
    co_await session.execute(note_rows_sql.in(session.dialect()), parameters);
  }
}

Task<http::Response> call_keyed(Backend& backend, Route::Call call, void* object,
                                http::Request& request, std::string key) {
  Repeatable repeatable = identify(request, std::move(key), backend.limits.idempotency_keep);
  std::optional<http::Response> before = co_await find(backend.database(), repeatable);
  if (before) co_return std::move(*before);
  db::JointWork work([&](db::Transaction& begun) { return claim(begun, repeatable); });
  db::JointWork::Entry entry(work);
  ShownRows shown;
  ShownRows::Entry noting(shown);
  Task<http::Response> handling = call(object, request);
  Result<http::Response> handled = co_await as_result(std::move(handling));
  noting.leave();
  entry.leave();
  if (repeatable.taken) {
    work.drop();
    std::optional<http::Response> first = co_await find_first(backend.database(), repeatable);
    if (first) co_return std::move(*first);
  }
  if (!handled || !work.is_ready()) {
    work.drop();
    co_return std::move(handled);
  }
  co_await store(*work.transaction(), repeatable, *handled,
                 backend.limits.idempotency_answer_bytes);
  co_await store_rows(*work.transaction(), repeatable, shown);
  co_await work.commit();
  co_return std::move(*handled);
}

}  // namespace

const char ShownRows::key = 0;

void ShownRows::add(std::string_view entity, std::string row) {
  auto found = rows_.find(entity);
  if (found == rows_.end()) found = rows_.try_emplace(std::string(entity)).first;
  if (found->second.empty() || found->second.back() != row) found->second.push_back(std::move(row));
}

Result<std::optional<std::string>> idempotency_key(const http::Request& request) {
  std::optional<std::string_view> value;
  for (const http::Header& header : request.headers) {
    if (!iequals(header.name, "Idempotency-Key")) continue;
    if (value) return bad_key("is given twice");
    value = header.value;
  }
  if (!value) return std::optional<std::string>();
  std::optional<std::string> key(*value);
  if (value->starts_with('"')) key = unquoted(*value);
  if (!key) return bad_key("is no quoted string");
  if (key->empty()) return bad_key("is empty");
  if (key->size() > max_key_bytes) return bad_key("has more than 255 characters");
  if (!is_visible(*key)) return bad_key("has something else than visible ASCII characters");
  return key;
}

Task<http::Response> call_once(Backend& backend, Route::Call call, void* object,
                               http::Request& request) {
  if (!request.header("Idempotency-Key")) return call(object, request);
  Result<std::optional<std::string>> key = idempotency_key(request);
  if (!key) return refused(std::move(key).error());
  return call_keyed(backend, call, object, request, std::move(**key));
}

Task<std::int64_t> remove_expired_keys(db::Database& database, std::chrono::seconds keep,
                                       std::int64_t batch) {
  const std::int64_t expired = (Timestamp::now().since_epoch - keep).count();
  const std::array<db::Parameter, 2> parameters = {expired, batch};
  const db::Session::Changed removed =
      co_await database.execute(expire_sql.in(database.dialect()), parameters);
  co_return removed.rows;
}

Task<> expire_keys(Backend& backend, Clock::duration interval) {
  while (true) {
    co_await sleep_for(interval);
    std::int64_t removed = expiry_batch;
    while (removed == expiry_batch) {
      Task<std::int64_t> removing =
          remove_expired_keys(backend.database(), backend.limits.idempotency_keep, expiry_batch);
      const Result<std::int64_t> done = co_await as_result(std::move(removing));
      if (!done && done.error().code() == Code::cancelled) co_await done.error().clone();
      if (!done) {
        log::warn(rest_log, "expired idempotency keys could not be removed",
                  {{"error", done.error()}});
      }
      removed = done ? *done : 0;
    }
  }
}

}  // namespace kit::rest
