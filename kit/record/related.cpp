// SPDX-License-Identifier: Apache-2.0
#include "kit/record/related.hpp"

#include <algorithm>

#include "kit/base/assert.hpp"

namespace kit::record {
namespace {

std::vector<db::Parameter> parameters_of(const RelatedQuery& query) {
  std::vector<db::Parameter> parameters{std::string_view(query.keys)};
  if (query.per_key > 0) {
    parameters.emplace_back(query.per_key);
    parameters.emplace_back(query.max_rows);
  }
  return parameters;
}

/// Nobody owns nothing: then no rule lets anybody in.
void add_owner(std::vector<db::Parameter>& parameters, const AccessRules& rules,
               const db::RowLimit& limit) {
  parameters.emplace_back(std::int64_t{!limit.is_limited});
  parameters.emplace_back(std::string_view(limit.owner));
  for (const RowRule& rule : rules.rows) {
    const bool lets_in =
        !limit.owner.empty() && std::ranges::find(limit.owners, rule.owner) != limit.owners.end();
    parameters.emplace_back(std::int64_t{lets_in});
  }
}

Task<> run(db::Session& session, std::string_view sql, std::span<const db::Parameter> parameters,
           int key_column, std::vector<std::size_t>& keys, db::RowSink sink) {
  auto take = [&](const db::Row& row) -> Result<> {
    keys.push_back(static_cast<std::size_t>(row.int64(key_column)));
    return sink(row);
  };
  co_await session.query(sql, parameters, take);
}

}  // namespace

Task<> find_related(db::Session& session, const db::Sql& sql, const RelatedQuery& query,
                    int key_column, std::vector<std::size_t>& keys, db::RowSink sink) {
  const std::vector<db::Parameter> parameters = parameters_of(query);
  co_await run(session, sql.in(session.dialect()), parameters, key_column, keys, sink);
}

Task<> find_related(db::Session& session, const db::Sql& sql, const RelatedQuery& query,
                    int key_column, std::vector<std::size_t>& keys, db::RowSink sink,
                    const AccessRules& rules) {
  const db::RowLimit limit = row_limit(rules);
  std::vector<db::Parameter> parameters = parameters_of(query);
  add_owner(parameters, rules, limit);
  co_await run(session, sql.in(session.dialect()), parameters, key_column, keys, sink);
}

}  // namespace kit::record
