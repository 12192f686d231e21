// SPDX-License-Identifier: Apache-2.0
// `kitgen migrate up` and `down` on a database with rows.
#include <filesystem>

#include "tests/crash/database.hpp"
#include "tests/crash/scenario.hpp"
#include "tests/crash/tree.hpp"

namespace kit::crash {
namespace {

namespace fs = std::filesystem;

constexpr const char* first_up =
    R"(CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE shelves (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
)";
constexpr const char* first_down = "DROP TABLE shelves;\nDROP TABLE items;\n";
constexpr const char* second_up =
    R"(CREATE TABLE prices (item_id INTEGER PRIMARY KEY, cents INTEGER NOT NULL) STRICT;
INSERT INTO prices SELECT id, id * 100 FROM items;
ALTER TABLE items ADD COLUMN note TEXT;
UPDATE items SET note = 'was ' || name WHERE id % 3 = 0;
CREATE INDEX items_by_name ON items (name);
)";
constexpr const char* second_down = R"(DROP INDEX items_by_name;
ALTER TABLE items DROP COLUMN note;
DROP TABLE prices;
)";
/// Enough for many pages.
constexpr const char* rows =
    R"(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
INSERT INTO items SELECT i, 'item ' || i || hex(zeroblob(20)) FROM n;
INSERT INTO shelves VALUES (1, 'left'), (2, 'right');
)";

/// Everything but the history, whose times differ from run to run.
std::string dump(const std::string& path) {
  Database database(path);
  std::string text = database.run("PRAGMA integrity_check");
  const std::string tables = database.run(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'kit_%' "
      "AND name NOT LIKE 'sqlite_%' ORDER BY name");
  text += database.run(
      "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'kit_%' "
      "AND tbl_name NOT LIKE 'kit_%' ORDER BY type, name");
  for (std::size_t at = 0; at < tables.size(); at = tables.find('\n', at) + 1) {
    const std::string table = tables.substr(at, tables.find('\n', at) - at);
    text += table + "\n" + database.run("SELECT * FROM " + table + " ORDER BY 1");
  }
  return text;
}

class Migrate final : public Scenario {
 public:
  Migrate(const Settings& settings, std::string verb)
      : settings_(settings),
        verb_(std::move(verb)),
        old_(settings.folder + "/" + verb_ + "_old"),
        work_(settings.folder + "/" + verb_) {
    write_file(old_ + "/migrations/0001_first.up.sql", first_up);
    write_file(old_ + "/migrations/0001_first.down.sql", first_down);
    write_file(old_ + "/migrations/0002_second.up.sql", second_up);
    write_file(old_ + "/migrations/0002_second.down.sql", second_down);
    must(kitgen({"up", "--to", "1"}), old_);
    Database(old_ + "/shop.db").run(rows);
    if (verb_ == "down") must(kitgen({"up"}), old_);
    old_dump_ = dump(old_ + "/shop.db");
    reset();
    must(kitgen({verb_}), work_);
    new_dump_ = dump(work_ + "/shop.db");
  }

  std::string name() const override { return "migrate " + verb_; }
  void reset() override { copy_folder(old_, work_); }
  std::string folder() const override { return work_; }
  std::vector<std::string> command() const override {
    if (settings_.fault == "migrate") {
      const std::string file = work_ + "/migrations/0002_second." + verb_ + ".sql";
      return {settings_.self, "--unsafe-writer=sql", work_ + "/shop.db", file};
    }
    return kitgen({verb_});
  }

  bool is_repeatable() const override { return verb_ == "up"; }

  Verdict verdict() override {
    Verdict verdict;
    const Ran status = run(kitgen({"status"}), work_);
    const bool is_up = status.output.find("  0002 second  applied ") != std::string::npos;
    const bool is_down = status.output.find("  0002 second  waits\n") != std::string::npos;
    const bool is_new = verb_ == "up" ? is_up : is_down;
    verdict.found = is_new ? Found::new_state : Found::old_state;
    if (status.code != 0 || is_up == is_down) {
      verdict.problem = "status does not say where the database is: " + status.output;
    } else if (dump(work_ + "/shop.db") != (is_new ? new_dump_ : old_dump_)) {
      verdict.problem = std::string("status says that it is ") + (is_up ? "up" : "down") +
                        ", but schema and data are not";
    }
    if (!verdict.problem.empty() || is_new) return verdict;
    const Ran again = run(kitgen({verb_}), work_);
    if (again.code != 0) verdict.problem = "the next run ends with " + again.output;
    if (dump(work_ + "/shop.db") != new_dump_) verdict.problem = "the next run does not finish";
    return verdict;
  }

 private:
  std::vector<std::string> kitgen(std::vector<std::string> words) const {
    words.insert(words.begin(), {settings_.kitgen, "migrate"});
    words.emplace_back("--database=shop.db");
    return words;
  }

  Settings settings_;
  std::string verb_;
  std::string old_;
  std::string work_;
  std::string old_dump_;
  std::string new_dump_;
};

}  // namespace

std::unique_ptr<Scenario> make_migrate(const Settings& settings, const std::string& verb) {
  return std::make_unique<Migrate>(settings, verb);
}

}  // namespace kit::crash
