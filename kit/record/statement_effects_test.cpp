// SPDX-License-Identifier: Apache-2.0
#include "kit/record/statement_effects.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kit::record {
namespace {

constexpr std::string_view above_tracks[] = {"albums", "artists"};
constexpr CachedTable tables[] = {
    {.table = "tracks", .changed_by_deletes_of = above_tracks},
    {.table = "genres"},
};

/// "tracks ?1, genres all"
std::string effects(std::string_view sql) {
  std::string text;
  for (const Effect& effect : effects_of(sql, tables)) {
    text += (text.empty() ? "" : ", ") + std::string(tables[effect.table].table) +
            (effect.id_parameter ? " ?" + std::to_string(*effect.id_parameter) : " all");
  }
  return text;
}

TEST(StatementEffects, ReadsHaveNone) {
  EXPECT_EQ(effects("SELECT id FROM tracks WHERE id = ?1"), "");
  EXPECT_EQ(effects("  select * FROM tracks FOR UPDATE"), "");
  EXPECT_EQ(effects("EXPLAIN DELETE FROM tracks"), "");
  EXPECT_EQ(effects(""), "");
}

TEST(StatementEffects, OfOneRow) {
  EXPECT_EQ(
      effects("UPDATE tracks SET name = ?2, version = version + 1 WHERE id = ?1 AND version = ?3"),
      "tracks ?1");
  EXPECT_EQ(effects("update \"tracks\" set a = (SELECT max(x) FROM y WHERE z = 1) where id = ?12"),
            "tracks ?12");
  EXPECT_EQ(effects("UPDATE genres SET deleted_at = NULL /* back */ WHERE id = ?1;"), "genres ?1");
  EXPECT_EQ(effects("DELETE FROM genres WHERE id = ?2 AND deleted_at IS NOT NULL"), "genres ?2");
  EXPECT_EQ(effects("DELETE FROM tracks WHERE id = ?1"), "tracks ?1");
  EXPECT_EQ(effects("INSERT INTO tracks (id, name) VALUES (?1, ?2)"), "tracks ?1");
  EXPECT_EQ(effects("INSERT INTO tracks (name, id) VALUES (coalesce(?1, 'a'), ?2) RETURNING id"),
            "tracks ?2");
}

TEST(StatementEffects, OfTablesThatAreNotCached) {
  EXPECT_EQ(effects("UPDATE customers SET a = (SELECT id FROM tracks) WHERE id = ?1"), "");
  EXPECT_EQ(effects("INSERT INTO playlist_tracks (playlist_id, track_id) VALUES (?1, ?2)"), "");
  EXPECT_EQ(effects("INSERT INTO albums (id) VALUES (?1)"), "");
  EXPECT_EQ(effects("UPDATE albums SET title = ?2 WHERE id = ?1"), "");
  EXPECT_EQ(effects("DELETE FROM customers WHERE id = ?1"), "");
  EXPECT_EQ(effects("INSERT INTO log (text) VALUES ('tracks')"), "");
}

TEST(StatementEffects, WhatADeleteTakesAlong) {
  EXPECT_EQ(effects("DELETE FROM albums WHERE id = ?1"), "tracks all");
  EXPECT_EQ(effects("DELETE FROM artists"), "tracks all");
  EXPECT_EQ(effects("REPLACE INTO albums (id) VALUES (?1)"), "tracks all");
}

TEST(StatementEffects, WhatIsNotUnderstoodIsAChangeOfEverything) {
  for (const std::string_view sql : {
           "UPDATE tracks SET price = ?1",
           "UPDATE tracks SET price = ?1 WHERE album_id = ?2",
           "UPDATE tracks SET price = ?1 WHERE id = ?2 OR album_id = ?3",
           "UPDATE tracks SET price = ?1 WHERE id = ?2 AND a XOR b",
           "UPDATE tracks SET price = ?1 WHERE id = ?2 + 1",
           "UPDATE tracks SET price = ?1 WHERE id = 5",
           "UPDATE tracks SET price = ?1 WHERE id > ?1",
           "UPDATE tracks SET price = ?1 WHERE NOT id = ?1",
           "UPDATE tracks SET id = ?2 WHERE id = ?1",
           "UPDATE tracks t SET price = ?1 WHERE id = ?2",
           "UPDATE OR REPLACE tracks SET a = ?2 WHERE id = ?1",
           "UPDATE ONLY tracks SET a = ?2 WHERE id = ?1",
           "UPDATE public.tracks SET a = ?2 WHERE id = ?1",
           "UPDATE customers, tracks SET a = ?2 WHERE id = ?1",
           "DELETE FROM tracks",
           "DELETE FROM tracks USING customers WHERE id = ?1",
           "DELETE tracks FROM tracks JOIN customers ON true WHERE id = ?1",
           "INSERT INTO tracks VALUES (?1, ?2)",
           "INSERT INTO tracks (name) VALUES (?1)",
           "INSERT INTO tracks (id, name) VALUES (?1, ?2), (?3, ?4)",
           "INSERT INTO tracks (id, name) VALUES (?1 + 1, ?2)",
           "INSERT INTO tracks (id, name) SELECT id, name FROM customers",
           "INSERT INTO tracks (id) VALUES (?1) ON CONFLICT (name) DO UPDATE SET name = 'a'",
           "INSERT INTO tracks (id) VALUES (?1) ON DUPLICATE KEY UPDATE name = 'a'",
           "INSERT OR REPLACE INTO tracks (id) VALUES (?1)",
           "REPLACE INTO tracks (id) VALUES (?1)",
           "WITH old AS (SELECT 1) DELETE FROM tracks WHERE id = ?1",
           "MERGE INTO tracks USING customers ON true WHEN MATCHED THEN DELETE",
           "TRUNCATE tracks",
           "ALTER TABLE tracks ADD COLUMN a INTEGER",
           "UPDATE genres_old SET a = ?2 WHERE id = ?1; DELETE FROM tracks",
           "TRUNCATE albums CASCADE",
       }) {
    EXPECT_EQ(effects(sql), "tracks all") << sql;
  }
  EXPECT_EQ(effects("DELETE FROM genres WHERE name = 'half"), "tracks all, genres all");
}

}  // namespace
}  // namespace kit::record
