// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/error.hpp"
#include "kit/csv/source.hpp"
#include "kit/db/import.hpp"

namespace kit::db::detail {

/// Records that wait for the rows that they refer to. MariaDB and MySQL check each statement's
/// references at once, and the row that one refers to may come later.
class LateRecords {
 public:
  /// Lifetime: `target` outlives this.
  explicit LateRecords(ImportTarget& target) : target_(target) {}

  /// Whether a record that was refused is kept for another try.
  bool keep(const Session& session, std::size_t line, std::span<const csv::Field> fields,
            const Error& error);
  /// Tries until no more of them can be stored; what is wrong with the others goes into `report`.
  /// The last are tried first: a file may stand on its head. Lifetime: `report` until it has ended.
  Task<> store(Session& session, ImportReport& report);

 private:
  /// One that is kept for another try.
  struct Record {
    std::size_t line = 0;
    std::vector<std::optional<std::string>> fields;

    std::vector<csv::Field> views() const;
  };

  Task<> store_left(Session& session, ImportReport& report);
  Task<> store_unchecked(Session& session, ImportReport& report);
  Task<> store_each(Session& session, std::vector<const Record*>& records, ImportReport& report);
  Task<> verify(Session& session, const Record& record);
  void add_problems_to(ImportReport& report);

  ImportTarget& target_;
  std::vector<Record> records_;
  std::size_t bytes_ = 0;
  std::vector<std::pair<std::size_t, Error>> problems_;
};

}  // namespace kit::db::detail
