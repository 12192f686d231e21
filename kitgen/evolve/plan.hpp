// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kit/base/result.hpp"
#include "kitgen/evolve/catalogue.hpp"
#include "kitgen/evolve/conversion.hpp"
#include "kitgen/evolve/difference.hpp"

namespace kitgen::evolve {

/// The value of rows that have none yet.
struct Fill {
  enum class Source : std::uint8_t {
    null,
    literal,  ///< `literal`
    now,
    field,   ///< `field`, converted
    filler,  ///< A value that the column allows, made up: only on the way down.
    row,     ///< The same for a reference: some row of its target.
  };
  Source source = Source::null;
  std::string literal;
  std::optional<Column> field;
  Conversion conversion = Conversion::same;
  bool distinct = false;  ///< A filler of its own for each row.
};

/// What becomes of one column of a table that stays.
struct ColumnChange {
  std::optional<Column> before;  ///< None: it is added. Under its new name.
  std::optional<Column> after;   ///< None: it is dropped.
  Conversion conversion = Conversion::same;
  std::vector<std::pair<std::string, std::string>> values;  ///< Renamed values of an enum.
  Fill fill;                 ///< Of an added one, and where one that becomes required was NULL.
  bool is_replaced = false;  ///< No conversion: every row gets the fill. Only on the way down.
  bool is_checked = false;   ///< Values of before may break the rules of after: counted first.
};

/// A table that stays: `before` has the new names of table and columns already.
struct TableChange {
  Table before;
  Table after;
  std::vector<ColumnChange> columns;  ///< All of them: those of after in order, then the dropped.
  bool drops_columns() const;
};

struct RenameTable {
  std::string from;
  std::string to;
  Table before;  ///< As it was, under its old name.
};
struct RenameColumn {
  std::string table;  ///< By its new name.
  std::string from;
  std::string to;
  Column before;                 ///< As it was, under its old name.
  std::string foreign_key = {};  ///< The name of its key; "" for none.
};
struct CreateTable {
  Table table;  ///< With its indexes.
};
/// Makes up rows of an empty table, because rows of `wanted_by` must refer to some. Only on the way
/// down.
struct FillTable {
  Table table;
  std::string wanted_by;
  bool one_each = false;  ///< A row for each of `wanted_by`, else one for all.
  bool is_new = false;    ///< What it holds is made up too: others may have wanted fewer rows.
};
/// Added and changed columns, keys and indexes; what is dropped is carried along.
struct ChangeTable {
  TableChange change;
};
/// The place for statements that still need what is dropped behind it.
struct BeforeDrops {};
struct DropColumns {
  TableChange change;
};
struct DropTable {
  Table table;
};
struct CreateSystemTable {
  std::string form;
};
/// From one form of a table of the library to another.
struct ChangeSystemTable {
  std::string from;
  std::string to;
};
struct DropSystemTable {
  std::string form;
};

using Action =
    std::variant<CreateTable, RenameTable, RenameColumn, FillTable, ChangeTable, BeforeDrops,
                 DropColumns, DropTable, CreateSystemTable, ChangeSystemTable, DropSystemTable>;

struct Step {
  Action action;
  bool destructive = false;  ///< Loses data.
  bool reversible = true;    ///< The way back restores the data too.
};

/// One migration without a dialect.
struct Plan {
  bool is_first = false;                  ///< Everything from nothing.
  bool is_apart = false;                  ///< Only indexes, built while others write.
  std::string name;                       ///< "rename_phone_in_customers"
  std::vector<std::string> summary;       ///< A line a change, for people.
  std::vector<std::string> destructive;   ///< What is lost, a line each.
  std::vector<std::string> irreversible;  ///< What the way down can not restore.
  std::vector<Step> up;
  std::vector<Step> down;
  std::vector<Problem> problems;  ///< Not empty: it must not be carried out.

  bool empty() const { return up.empty(); }
};

/// The steps from `a` to `b` and back, in a safe order: renames, new tables, adds and fills,
/// tightenings with their indexes, drops last. What the schema leaves open (a required field
/// without a value for the rows of before, a change of type that keeps no data) is a problem of the
/// plan.
Plan plan(const Catalogue& a, const Catalogue& b, const Difference& difference);

/// The same as one or two migrations: indexes of tables that were there before are the second one,
/// so that a database which can builds them without holding up writers.
std::vector<Plan> plans_apart(const Catalogue& a, const Catalogue& b, const Difference& difference);

/// The first migration: everything from nothing, "create_store".
Plan plan_first(const model::Service& service);

}  // namespace kitgen::evolve
