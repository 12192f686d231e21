// SPDX-License-Identifier: Apache-2.0
#include "kitgen/evolve/snapshot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "kitgen/evolve/difference.hpp"
#include "kitgen/evolve/plan.hpp"
#include "kitgen/evolve/snapshot_reader.hpp"
#include "kitgen/evolve/sqlite.hpp"
#include "kitgen/model/load.hpp"

namespace kitgen::evolve {
namespace {

using testing::HasSubstr;

constexpr const char* schema_text = R"(kit: 1
service: shop
enums:
  Color: [red, green]
entities:
  Shelf:
    fields:
      name: {type: string, min_length: 2, max: 5, unique: true}
      price: {type: decimal(6,2), min: 0, default: 1.5}
      color: {type: Color, default: red}
      parts: {type: [string], optional: true}
    belongs_to: {parent: {entity: Shelf, optional: true, on_delete: set_null}}
    many_to_many: {tags: Tag}
    indexes: [{fields: [price], where: "color = 'red' and price is not null"}]
    keep: {soft_delete: true, version: true}
    actions: {buy: {emits: Bought}}
    events: {Bought: {shelf_id: Shelf.id}}
  Tag:
    id: uuid
    fields: {label: {type: string, max: 10}}
)";

Catalogue catalogue() {
  model::Loaded loaded = model::load_text(schema_text, "a.yaml");
  EXPECT_TRUE(loaded.service) << schema::to_string(loaded.diagnostics);
  return catalogue_of(*loaded.service);
}

std::string text() {
  return Snapshot{3, catalogue()}.to_text();
}

TEST(Snapshot, survives_writing_and_reading) {
  const auto read = Snapshot::parse(text());
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->migration, 3);
  EXPECT_TRUE(read->catalogue.same_storage(catalogue()));
  EXPECT_EQ(read->to_text(), text());
  EXPECT_TRUE(plan(read->catalogue, catalogue(), difference(read->catalogue, catalogue())).empty());
}

TEST(Snapshot, is_one_thing_a_line) {
  EXPECT_THAT(text(), HasSubstr("\n        \"color\": {\"type\": \"enum\", \"default\": \"'red'\", "
                                "\"values\": [\"red\", \"green\"]},\n"));
  EXPECT_THAT(text(), HasSubstr("\n    \"kit_outbox_v2\"\n"));
  EXPECT_EQ((Snapshot{0, {}}.to_text()),
            "{\n  \"version\": 1,\n  \"migration\": 0,\n  \"tables\": {},\n  \"system\": []\n}\n");
}

/// The snapshot with one part replaced is refused, and says why.
void check_refused(const std::string& from, const std::string& to, const std::string& why) {
  std::string changed = text();
  const std::size_t at = changed.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  changed.replace(at, from.size(), to);
  const auto read = Snapshot::parse(changed);
  ASSERT_FALSE(read.ok()) << to;
  EXPECT_EQ(read.error().code(), kit::Code::data_loss);
  EXPECT_THAT(read.error().message(), HasSubstr(".kit/schema.json: "));
  EXPECT_THAT(read.error().message(), HasSubstr(why));
  EXPECT_THAT(read.error().message(), HasSubstr("take the file from version control"));
}

TEST(Snapshot, refuses_what_it_would_not_write) {
  check_refused("\"version\": 1", "\"version\": 2", "from 0 to 1");
  check_refused("\"version\": 1", "\"version\": 0", "snapshots of version 1");
  check_refused("\"migration\": 3", "\"migration\": 10000", "from 0 to 9999");
  check_refused("\"migration\": 3", "\"migration\": 3.5", "no whole number");
  check_refused("\"migration\"", "\"migrations\"", "unknown key 'migrations'");
  check_refused("\"type\": \"decimal\"", "\"type\": \"money\"", "unknown type 'money'");
  check_refused("\"precision\": 6", "\"precision\": 19", "from 0 to 18");
  check_refused("\"scale\": 2", "\"scale\": 7", "impossible digits");
  check_refused("\"type\": \"decimal\"", "\"color\": 1, \"type\": \"decimal\"",
                "unknown key 'color'");
  check_refused("\"default\": \"150\"", "\"default\": \"0); DROP TABLE tags; --\"",
                "no literal of SQL");
  check_refused("\"default\": \"'red'\"", "\"default\": \"'red' || 'x'\"", "no literal of SQL");
  check_refused("\"default\": \"'red'\"", "\"default\": 3", "'default' is no text");
  check_refused("\"where\": \"deleted_at IS NULL\"", "\"where\": \"1 = (SELECT 1)\"",
                "no condition of an index");
  check_refused("\"values\": [\"red\", \"green\"]", "\"values\": [\"red\", \"a'b\"]", "is no name");
  check_refused(", \"values\": [\"red\", \"green\"]", "", "an enum, and nothing else");
  check_refused("\"name\": {\"type\"", "\"na me\": {\"type\"", "'na me' is no name");
  check_refused("\"target\": \"tags\"", "\"target\": \"tigs\"", "unknown table 'tigs'");
  check_refused("\"columns\": [\"price\"]", "\"columns\": [\"prise\"]", "unknown column 'prise'");
  check_refused("\"columns\": [\"price\"]", "\"columns\": []", "has no columns");
  check_refused("\"SET NULL\"", "\"SET DEFAULT\"", "unknown on_delete");
  check_refused("\"key\": 2", "\"key\": 1", "no fitting primary key");
  check_refused("\"kit_outbox_v2\"", "\"kit_postbox\"", "unknown table 'kit_postbox'");
  check_refused("{\n  \"version\"", "<<<<<<< ours\n{\n  \"version\"", "");
  EXPECT_FALSE(Snapshot::parse(std::string(max_snapshot_bytes + 1, ' ')).ok());
  EXPECT_FALSE(Snapshot::parse("[]").ok());
  EXPECT_FALSE(Snapshot::parse("").ok());
}

TEST(Snapshot, literals_and_conditions_hold_nothing_else) {
  for (const char* good : {"0", "-12", "1.5", "-1e+300", "''", "'it''s'", "'a; b'"})
    EXPECT_TRUE(is_sql_literal(good)) << good;
  for (const char* bad : {"", "-", "e", "'", "'a", "'a'b'", "'a' 'b'", "1 2", "x", "(1)", "'a\n'"})
    EXPECT_FALSE(is_sql_literal(bad)) << bad;
  for (const char* good : {"deleted_at IS NULL", "\"a\" IS NOT NULL", "\"a\" = 'x' AND b = 1"})
    EXPECT_TRUE(is_index_condition(good)) << good;
  for (const char* bad : {"", "a", "a IS", "\"a IS NULL", "a = b", "a IS NULL OR b IS NULL",
                          "a IS NULL; DROP TABLE a", "\"a\"\"b\" IS NULL", "a = 1 AND "})
    EXPECT_FALSE(is_index_condition(bad)) << bad;
}

/// Whatever the bytes: an error or a snapshot that is written as it is read, never a crash, and
/// never a migration that cannot be written.
TEST(Snapshot, garbled_bytes_are_refused_or_harmless) {
  std::mt19937 random(7);
  const std::string good = text();
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  int refused = 0;
  constexpr int rounds = 4000;
  for (int i = 0; i < rounds; ++i) {
    std::string garbled = good;
    for (std::size_t edits = 1 + below(4); edits > 0 && garbled.size() > 1; --edits) {
      const std::size_t at = below(garbled.size());
      const std::size_t kind = below(4);
      if (kind == 0) garbled[at] = static_cast<char>(below(256));
      if (kind == 1) garbled.erase(at, 1 + below(40));
      if (kind == 2) garbled.insert(at, garbled.substr(below(garbled.size()), 1 + below(40)));
      if (kind == 3) garbled.resize(std::max<std::size_t>(at, 1));
    }
    const auto read = Snapshot::parse(garbled);
    if (!read) {
      ++refused;
      continue;
    }
    const auto again = Snapshot::parse(read->to_text());
    ASSERT_TRUE(again.ok()) << again.error().message() << garbled;
    EXPECT_TRUE(again->catalogue.same_storage(read->catalogue));
    const Plan change =
        plan(read->catalogue, catalogue(), difference(read->catalogue, catalogue()));
    EXPECT_NE(sqlite_up(change, "a.yaml").find(';'), std::string::npos);
  }
  EXPECT_GT(refused, rounds / 2);
  EXPECT_LT(refused, rounds);
}

}  // namespace
}  // namespace kitgen::evolve
