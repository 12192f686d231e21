// SPDX-License-Identifier: Apache-2.0
#include "kit/outbox/dead_letters.hpp"

#include <array>
#include <utility>

#include "kit/base/failpoint.hpp"
#include "kit/json/writer.hpp"
#include "kit/outbox/detail/event_table.hpp"

namespace kit::outbox {
namespace {

constexpr std::string_view list_sql = R"sql(
  SELECT id, event_id, destination, aggregate, aggregate_id, type, payload, headers, created_at,
         attempts, problem,
         (SELECT count(*) FROM kit_outbox AS later
           WHERE later.state = 0 AND later.id > dead.id AND later.destination = dead.destination
             AND later.aggregate = dead.aggregate AND later.aggregate_id = dead.aggregate_id)
    FROM kit_outbox AS dead
   WHERE state = 2
   ORDER BY id LIMIT ?1)sql";

constexpr std::string_view retry_one_sql = R"sql(
  UPDATE kit_outbox SET state = 0, attempts = 0, retry_at = NULL
   WHERE id = ?1 AND state = 2)sql";

constexpr std::string_view retry_all_sql = R"sql(
  UPDATE kit_outbox SET state = 0, attempts = 0, retry_at = NULL
   WHERE state = 2)sql";

constexpr std::string_view drop_sql = R"sql(
  UPDATE kit_outbox SET state = 3, published_at = ?2
   WHERE id = ?1 AND state = 2)sql";

Error no_dead_letter(std::int64_t sequence) {
  return Error(Code::not_found, "there is no dead letter " + std::to_string(sequence))
      .with_reason("NO_DEAD_LETTER");
}

}  // namespace

Task<std::vector<DeadLetter>> dead_letters(db::Session& session, std::int64_t limit) {
  std::vector<DeadLetter> letters;
  auto read = [&letters](const db::Row& row) -> Result<> {
    DeadLetter letter;
    letter.event = detail::read_event(row);
    if (!row.is_null(10)) letter.problem = row.text(10);
    letter.waiting = row.int64(11);
    letters.push_back(std::move(letter));
    return {};
  };
  db::RowSink sink(read);
  const std::array<db::Parameter, 1> parameters{limit};
  co_await session.query(list_sql, parameters, sink);
  co_return letters;
}

Task<std::int64_t> retry_dead_letters(db::Session& session, std::optional<std::int64_t> sequence) {
  if (!sequence) {
    const db::Session::Changed all = co_await session.execute(retry_all_sql, {});
    announce();
    co_return all.rows;
  }
  const std::array<db::Parameter, 1> parameters{*sequence};
  const db::Session::Changed one = co_await session.execute(retry_one_sql, parameters);
  if (one.rows == 0) co_return no_dead_letter(*sequence);
  announce();
  co_return one.rows;
}

Task<> drop_dead_letter(db::Session& session, std::int64_t sequence) {
  const std::array<db::Parameter, 2> parameters{
      sequence, static_cast<std::int64_t>(Timestamp::now().since_epoch.count())};
  const db::Session::Changed dropped = co_await session.execute(drop_sql, parameters);
  if (dropped.rows == 0) co_await no_dead_letter(sequence);
  announce();
}

std::string to_json(const std::vector<DeadLetter>& letters) {
  std::string text;
  json::Writer out(text);
  out.begin_array();
  for (const DeadLetter& letter : letters) {
    out.begin_object();
    out.member("number", letter.event.sequence);
    out.member("id", letter.event.id);
    out.member("destination", letter.event.destination);
    out.member("aggregate", letter.event.aggregate);
    out.member("key", letter.event.key);
    out.member("type", letter.event.type);
    out.member("created_at", letter.event.created_at);
    out.member("attempts", letter.event.attempts);
    out.member("problem", letter.problem);
    out.member("waiting_behind", letter.waiting);
    out.member("payload", letter.event.payload);
    out.end_object();
  }
  out.end_array();
  return text;
}

}  // namespace kit::outbox
