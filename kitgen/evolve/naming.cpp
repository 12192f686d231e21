// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "kitgen/evolve/changes.hpp"

namespace kitgen::evolve {
namespace {

constexpr std::size_t max_name = 60;

/// What a step does, as a line for people and as a word for the migration's name.
struct Told {
  enum class Kind : std::uint8_t { rename, index, other };
  Kind kind = Kind::other;
  std::string line;   ///< "customers: phone is renamed from telephone"
  std::string word;   ///< "rename_phone_in_customers"
  std::string table;  ///< "customers"
};

void tell_index(const TableChange& change, std::vector<Told>& told) {
  const std::string& table = change.after.name;
  for (const Index& index : change.after.indexes) {
    const auto twin = std::ranges::find(change.before.indexes, index.name, &Index::name);
    if (twin != change.before.indexes.end() && *twin == index) continue;
    told.push_back({Told::Kind::index,
                    table + ": index " + index.name +
                        (twin == change.before.indexes.end() ? " is new" : " is changed"),
                    "index_" + table, table});
  }
  for (const Index& index : change.before.indexes) {
    if (std::ranges::find(change.after.indexes, index.name, &Index::name) ==
        change.after.indexes.end())
      told.push_back({Told::Kind::index, table + ": index " + index.name + " is dropped",
                      "index_" + table, table});
  }
}

std::string change_line(const ColumnChange& column) {
  const Column& before = *column.before;
  const Column& after = *column.after;
  std::string line;
  const auto say = [&](const std::string& what) { line += (line.empty() ? "" : ", ") + what; };
  if (type_text(before) != type_text(after)) say("becomes " + type_text(after));
  if (before.nullable != after.nullable)
    say(after.nullable ? "becomes optional" : "becomes required");
  for (const auto& [former, now] : column.values) say("value " + former + " becomes " + now);
  if (before.default_sql != after.default_sql) say("has another default");
  if (line.empty()) say(column.is_checked ? "is limited more" : "has other limits");
  return line;
}

void tell(const ChangeTable& step, std::vector<Told>& told) {
  const std::string& table = step.change.after.name;
  std::vector<Told> own;
  for (const ColumnChange& column : step.change.columns) {
    if (!column.after) continue;
    const std::string& name = column.after->name;
    if (!column.before) {
      own.push_back({Told::Kind::other, table + ": " + name + " is added",
                     "add_" + name + "_to_" + table, table});
    } else if (*column.before != *column.after) {
      own.push_back({Told::Kind::other, table + ": " + name + " " + change_line(column),
                     "change_" + name + "_in_" + table, table});
    }
  }
  // The indexes of what is new go without saying.
  if (own.empty() && !step.change.drops_columns()) tell_index(step.change, own);
  if (own.empty() && !step.change.drops_columns()) {
    own.push_back(
        {Told::Kind::index, table + ": references", "change_references_of_" + table, table});
  }
  told.insert(told.end(), own.begin(), own.end());
}

void tell(const CreateTable& step, std::vector<Told>& told) {
  told.push_back({Told::Kind::other, step.table.name + " is new", "create_" + step.table.name,
                  step.table.name});
}
void tell(const RenameTable& step, std::vector<Told>& told) {
  told.push_back({Told::Kind::rename, step.to + " is renamed from " + step.from,
                  "rename_" + step.from + "_to_" + step.to, step.to});
}
void tell(const RenameColumn& step, std::vector<Told>& told) {
  told.push_back({Told::Kind::rename, step.table + ": " + step.to + " is renamed from " + step.from,
                  "rename_" + step.to + "_in_" + step.table, step.table});
}
void tell(const DropColumns& step, std::vector<Told>& told) {
  const std::string& table = step.change.after.name;
  for (const ColumnChange& column : step.change.columns) {
    if (column.after) continue;
    told.push_back({Told::Kind::other, table + ": " + column.before->name + " is dropped",
                    "drop_" + column.before->name + "_from_" + table, table});
  }
}
void tell(const DropTable& step, std::vector<Told>& told) {
  told.push_back({Told::Kind::other, step.table.name + " is dropped", "drop_" + step.table.name,
                  step.table.name});
}
void tell(const CreateSystemTable& step, std::vector<Told>& told) {
  const std::string name = name_of_form(step.form);
  told.push_back({Told::Kind::other, name + " is new", "create_" + name, name});
}
void tell(const ChangeSystemTable& step, std::vector<Told>& told) {
  const std::string name = name_of_form(step.to);
  told.push_back({Told::Kind::other, name + " changes its form", "change_" + name, name});
}
void tell(const DropSystemTable& step, std::vector<Told>& told) {
  const std::string name = name_of_form(step.form);
  told.push_back({Told::Kind::other, name + " is dropped", "drop_" + name, name});
}
void tell(const FillTable&, std::vector<Told>&) {}
void tell(const BeforeDrops&, std::vector<Told>&) {}

std::vector<Told> told_by(const std::vector<Step>& steps) {
  std::vector<Told> told;
  for (const Step& step : steps) {
    std::visit([&](const auto& action) { tell(action, told); }, step.action);
  }
  // Keys and indexes are called after their tables and columns: what is renamed takes them along.
  const auto follows = [&](const Told& each) {
    return each.kind == Told::Kind::index && std::ranges::any_of(told, [&](const Told& other) {
             return other.kind == Told::Kind::rename && other.table == each.table;
           });
  };
  std::vector<Told> kept;
  std::ranges::copy_if(told, std::back_inserter(kept),
                       [&](const Told& each) { return !follows(each); });
  return kept;
}

void describe_loss(Plan& plan, const DropColumns& step) {
  const std::string& table = step.change.after.name;
  for (const ColumnChange& column : step.change.columns) {
    if (column.after || column.before->name == "version") continue;
    const std::string name = table + "." + column.before->name;
    if (column.before->name == "deleted_at") {
      plan.destructive.push_back("rows of " + table + " that were deleted softly are live again");
      plan.irreversible.push_back("which rows of " + table + " were deleted softly is forgotten");
      continue;
    }
    plan.destructive.push_back(name + " is dropped with what it holds");
    plan.irreversible.push_back(
        name + (column.before->nullable ? " comes back empty" : " comes back with made up values"));
  }
}

void describe_loss(Plan& plan, const DropTable& step) {
  const std::string what =
      step.table.is_pivot() ? " is dropped with its links" : " is dropped with its rows";
  plan.destructive.push_back("table " + step.table.name + what);
  plan.irreversible.push_back("table " + step.table.name + " comes back empty");
}

void describe_loss(Plan& plan, const DropSystemTable& step) {
  const SystemTable* table = find_system_table(step.form);
  const std::string held = table == nullptr ? "what it holds" : std::string(table->what_is_lost);
  const std::string name = name_of_form(step.form);
  plan.destructive.push_back("table " + name + " is dropped: " + held);
  plan.irreversible.push_back("table " + name + " comes back empty");
}

void describe_loss(Plan& plan, const ChangeSystemTable& step) {
  const SystemChange* change = change_of_system(step.from, step.to);
  plan.irreversible.push_back(name_of_form(step.to) + ": " + std::string(change->what_is_lost));
}

void describe_loss(Plan& plan, const ChangeTable& step) {
  const std::string& table = step.change.after.name;
  for (const ColumnChange& column : step.change.columns) {
    if (!column.before || !column.after) continue;
    const std::string& name = column.after->name;
    if (column.before->nullable && !column.after->nullable) {
      plan.irreversible.push_back("rows of " + table + " without " + name +
                                  " keep the value they get");
    }
    if (column.conversion == Conversion::text_to_decimal) {
      const std::string zeros(static_cast<std::size_t>(column.after->scale), '0');
      plan.irreversible.push_back("texts of " + table + "." + name +
                                  " come back with all their digits, 5 as 5" +
                                  (zeros.empty() ? "" : "." + zeros));
    }
  }
}

template <class Other>
void describe_loss(Plan&, const Other&) {}

}  // namespace

std::string name_of(const std::vector<Step>& steps) {
  const std::vector<Told> told = told_by(steps);
  if (told.empty()) return "change_schema";
  // A renamed entity comes first and takes links and references along.
  const bool only_renames =
      std::ranges::all_of(told, [](const Told& each) { return each.kind == Told::Kind::rename; });
  const bool renames_table = std::holds_alternative<RenameTable>(steps.front().action);
  if (only_renames && renames_table && told.front().word.size() <= max_name)
    return told.front().word;
  std::set<std::string> words;
  std::set<std::string> tables;
  for (const Told& each : told) {
    words.insert(each.word);
    tables.insert(each.table);
  }
  if (words.size() == 1 && words.begin()->size() <= max_name) return *words.begin();
  const std::string name = "change_" + *tables.begin();
  return tables.size() == 1 && name.size() <= max_name ? name : "change_schema";
}

void describe(Plan& plan) {
  std::set<std::string> seen;
  for (const Told& each : told_by(plan.up)) {
    if (seen.insert(each.line).second) plan.summary.push_back(each.line);
  }
  for (const Step& step : plan.up) {
    std::visit([&](const auto& action) { describe_loss(plan, action); }, step.action);
  }
}

}  // namespace kitgen::evolve
