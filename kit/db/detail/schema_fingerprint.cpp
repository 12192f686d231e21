// SPDX-License-Identifier: Apache-2.0
#include "kit/db/detail/schema_fingerprint.hpp"

#include <array>
#include <string_view>

#include "kit/base/sha256.hpp"

namespace kit::db::detail {
namespace {

struct Part {
  std::string_view sql;
  int columns;
};

constexpr std::array<Part, 9> parts{{
    {"SELECT table_name, table_type, engine, table_collation, table_comment, create_options\n"
     "FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1",
     6},
    {"SELECT table_name, column_name, ordinal_position, column_default, is_nullable, column_type,\n"
     "  collation_name, extra, column_comment, generation_expression\n"
     "FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY 1, 3",
     10},
    {"SELECT table_name, index_name, seq_in_index, non_unique, column_name, sub_part, index_type,\n"
     "  collation, index_comment\n"
     "FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY 1, 2, 3",
     9},
    {"SELECT table_name, constraint_name, referenced_table_name, delete_rule, update_rule\n"
     "FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()\n"
     "ORDER BY 1, 2",
     5},
    {"SELECT table_name, constraint_name, ordinal_position, column_name, referenced_table_name,\n"
     "  referenced_column_name\n"
     "FROM information_schema.key_column_usage WHERE table_schema = DATABASE() ORDER BY 1, 2, 3",
     6},
    {"SELECT constraint_name, check_clause FROM information_schema.check_constraints\n"
     "WHERE constraint_schema = DATABASE() ORDER BY 1, 2",
     2},
    {"SELECT table_name, view_definition FROM information_schema.views\n"
     "WHERE table_schema = DATABASE() ORDER BY 1",
     2},
    {"SELECT trigger_name, event_object_table, event_manipulation, action_timing, "
     "action_statement\n"
     "FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 1",
     5},
    {"SELECT routine_type, routine_name, routine_definition FROM information_schema.routines\n"
     "WHERE routine_schema = DATABASE() ORDER BY 1, 2",
     3},
}};

}  // namespace

Task<std::string> schema_fingerprint(Session& session) {
  std::string all;
  for (const Part& part : parts) {
    auto read = [&](const Row& row) -> Result<> {
      for (int i = 0; i < part.columns; ++i) {
        const std::string_view text = row.text(i);
        // The length keeps two columns from looking like one.
        all.append(row.is_null(i) ? "-" : std::to_string(text.size())).append(":").append(text);
      }
      all.push_back('\n');
      return {};
    };
    RowSink sink(read);
    co_await session.query(part.sql, {}, sink);
    all.push_back('\f');
  }
  co_return sha256_hex(all);
}

}  // namespace kit::db::detail
