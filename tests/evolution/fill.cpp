// SPDX-License-Identifier: Apache-2.0
#include "tests/evolution/fill.hpp"

#include <algorithm>
#include <set>

#include "tests/evolution/values.hpp"

namespace evolution {
namespace {

constexpr std::int64_t first_time = 1'700'000'000'000'000;

class Filler {
 public:
  Filler(Chance& chance, const Schema& schema, const Database& database)
      : chance_(chance), schema_(schema), database_(database) {}

  Rows fill() {
    for (const Table& table : database_.tables) {
      if (!table.is_pivot) choose_ids(table);
    }
    for (const Table& table : database_.tables) {
      if (table.is_pivot) {
        link(table);
      } else {
        for (const Value& id : ids_[table.name]) add(table, id);
      }
    }
    return std::move(rows_);
  }

 private:
  /// With gaps. None when a required reference has nothing to refer to.
  void choose_ids(const Table& table) {
    auto& ids = ids_[table.name];
    for (const Column& column : table.columns) {
      const bool needs = !column.target.empty() && !column.field.optional;
      if (needs && column.target != table.name && ids_[column.target].empty()) return;
    }
    const std::size_t count = chance_.once_in(6) ? 0 : chance_.between(1, 8);
    std::int64_t last = 0;
    for (std::size_t i = 0; i < count; ++i) {
      last += static_cast<std::int64_t>(chance_.once_in(3) ? chance_.between(2, 50) : 1);
      ids.push_back(table.is_sequence ? Value(last) : Value(random_uuid(chance_)));
    }
  }

  Value any_id(const std::string& table) {
    const auto& ids = ids_[table];
    return ids.empty() ? Value() : ids[chance_.between(0, ids.size() - 1)];
  }

  Value value_of(const Column& column) {
    if (column.name == "created_at" || column.name == "updated_at" || column.name == "deleted_at") {
      if (column.field.optional && !chance_.once_in(4)) return {};
      return first_time + static_cast<std::int64_t>(chance_.between(0, 1'000'000));
    }
    if (column.name == "version") return static_cast<std::int64_t>(chance_.between(1, 5));
    if (column.field.optional && chance_.once_in(4)) return {};
    if (!column.target.empty()) return any_id(column.target);
    return random_value(chance_, schema_, column.field);
  }

  /// Tries until the row keeps what must be unique; leaves it out otherwise.
  void add(const Table& table, const Value& id) {
    for (int i = 0; i < 20; ++i) {
      Row row;
      for (const Column& column : table.columns) row[column.name] = value_of(column);
      row["id"] = id;
      if (keep(table, std::move(row))) return;
    }
    Row row;
    for (const Column& column : table.columns)
      row[column.name] = column.field.optional ? Value() : value_of(column);
    row["id"] = id;
    keep(table, std::move(row));
  }

  bool keep(const Table& table, Row row) {
    std::vector<std::string> keys;
    for (const Unique& unique : table.uniques) {
      std::string key = table.name + "\n";
      bool counts = !unique.live_only || is_null(row.at("deleted_at"));
      for (const std::string& column : unique.not_null) counts = counts && !is_null(row.at(column));
      for (const std::string& column : unique.columns) {
        counts = counts && !is_null(row.at(column));
        key += column + to_text(row.at(column)) + "\n";
      }
      if (!counts) continue;
      if (seen_.contains(key)) return false;
      keys.push_back(std::move(key));
    }
    seen_.insert(keys.begin(), keys.end());
    rows_[table.name].push_back(std::move(row));
    return true;
  }

  void link(const Table& table) {
    const std::size_t count = chance_.between(0, 6);
    for (std::size_t i = 0; i < count; ++i) {
      Row row;
      for (const Column& column : table.columns) row[column.name] = value_of(column);
      const bool is_whole =
          !is_null(row.at(table.columns[0].name)) && !is_null(row.at(table.columns[1].name));
      if (is_whole) keep(table, std::move(row));
    }
  }

  Chance& chance_;
  const Schema& schema_;
  const Database& database_;
  std::map<std::string, std::vector<Value>> ids_;
  std::set<std::string> seen_;
  Rows rows_;
};

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

/// Until no row refers to one that is not there.
void remove_dangling(const Database& database, Rows& rows) {
  for (bool again = true; again;) {
    again = false;
    for (const Table& table : database.tables) {
      for (const Column& column : table.columns) {
        if (column.target.empty()) continue;
        std::set<std::string> known;
        for (const Row& row : rows[column.target]) known.insert(to_text(row.at("id")));
        again = std::erase_if(rows[table.name],
                              [&](const Row& row) {
                                const Value& id = row.at(column.name);
                                return !is_null(id) && !known.contains(to_text(id));
                              }) > 0 ||
                again;
      }
    }
  }
}

}  // namespace

Rows random_rows(Chance& chance, const Schema& schema, const Database& database) {
  Filler filler(chance, schema, database);
  Rows rows = filler.fill();
  remove_dangling(database, rows);
  return rows;
}

void insert(File& file, const Database& database, const Rows& rows, Chance& chance) {
  std::vector<std::pair<std::string, std::vector<Value>>> statements;
  for (const Table& table : database.tables) {
    const auto found = rows.find(table.name);
    if (found == rows.end()) continue;
    for (const Row& row : found->second) {
      std::string names;
      std::string places;
      std::vector<Value> values;
      for (const Column& column : table.columns) {
        names += (names.empty() ? "" : ", ") + quoted(column.name);
        values.push_back(row.at(column.name));
        places += (places.empty() ? "?" : ", ?") + std::to_string(values.size());
      }
      statements.emplace_back(
          "INSERT INTO " + quoted(table.name) + " (" + names + ") VALUES (" + places + ")",
          std::move(values));
    }
    // As if rows with higher ids had been there and gone.
    if (table.is_sequence && !found->second.empty() && chance.once_in(2)) {
      statements.emplace_back("UPDATE sqlite_sequence SET seq = seq + 7 WHERE name = ?1",
                              std::vector<Value>{table.name});
    }
  }
  file.execute(statements);
}

}  // namespace evolution
