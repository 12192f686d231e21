// SPDX-License-Identifier: Apache-2.0
#include "kitgen/model/model.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "kitgen/model/load.hpp"

namespace kitgen::model {
namespace {

Service load(const std::string& entities) {
  Loaded loaded = load_text("kit: 1\nservice: shop\nentities:\n" + entities, "shop.yaml");
  EXPECT_TRUE(loaded.service) << schema::to_string(loaded.diagnostics);
  return loaded.service.value_or(Service{});
}

const Service& store() {
  static const Service service = [] {
    Loaded loaded = load_file(KIT_SOURCE_DIR "/examples/store/api/store.yaml");
    EXPECT_TRUE(loaded.diagnostics.empty()) << schema::to_string(loaded.diagnostics);
    return loaded.service.value_or(Service{});
  }();
  return service;
}

TEST(Store, HasAllElevenTables) {
  std::set<std::string> tables;
  for (const Table& table : store().tables) tables.insert(table.name);
  EXPECT_EQ(tables, (std::set<std::string>{"genres", "media_types", "artists", "albums", "tracks",
                                           "playlists", "playlist_tracks", "employees", "customers",
                                           "invoices", "invoice_lines"}));
  EXPECT_EQ(store().package, "store.v1");
}

TEST(Store, CreatesTargetsFirst) {
  std::set<std::string> created;
  for (const Table& table : store().tables) {
    created.insert(table.name);
    for (const ForeignKey& key : table.foreign_keys) {
      EXPECT_TRUE(created.contains(key.target_table)) << table.name << "." << key.column;
      EXPECT_FALSE(key.target_is_later);
    }
  }
  EXPECT_EQ(store().import_order.size(), store().entities.size());
}

TEST(Store, TrackHasItsColumnsAndListOptions) {
  const Entity* track = store().find_entity("Track");
  ASSERT_NE(track, nullptr);
  EXPECT_EQ(track->path, "/api/v1/tracks");
  const Field* price = track->find_field("unit_price");
  ASSERT_NE(price, nullptr);
  EXPECT_EQ(price->cpp_type, "kit::Decimal");
  EXPECT_EQ(price->sql.sqlite, "INTEGER");
  EXPECT_EQ(price->ts_type, "string");
  EXPECT_EQ(price->min->cpp, "kit::Decimal(0, 2)");
  const Field* album = track->find_field("album_id");
  ASSERT_NE(album, nullptr);
  EXPECT_TRUE(album->optional);
  EXPECT_TRUE(album->filterable);
  EXPECT_EQ(album->cpp_member, "std::optional<AlbumId>");
  EXPECT_EQ(track->relations[album->relation].name, "album");
  EXPECT_EQ(track->list.search, (std::vector<std::string>{"name", "composer"}));
  EXPECT_EQ(track->fields.back().name, "version");
}

TEST(Store, EmployeeRefersToItself) {
  const Relation* boss = store().find_entity("Employee")->find_relation("reports_to");
  ASSERT_NE(boss, nullptr);
  EXPECT_TRUE(boss->to_self);
  EXPECT_EQ(boss->field, "reports_to_id");
  EXPECT_EQ(boss->on_delete, OnDelete::set_null);
  const Relation* reports = store().find_entity("Employee")->find_relation("reports");
  EXPECT_EQ(reports->inverse_field, "reports_to_id");
}

TEST(Store, PlaylistTracksAreAPivotWithItsOwnImport) {
  const Relation* tracks = store().find_entity("Playlist")->find_relation("tracks");
  ASSERT_TRUE(tracks != nullptr && tracks->pivot.has_value());
  EXPECT_EQ(tracks->pivot->table, "playlist_tracks");
  EXPECT_EQ(tracks->pivot->left_column, "playlist_id");
  EXPECT_EQ(tracks->pivot->right_column, "track_id");
  ASSERT_TRUE(tracks->pivot->import.has_value());
  EXPECT_EQ(tracks->pivot->import->file, "PlaylistTrack.csv");
  const Table* table = store().find_table("playlist_tracks");
  ASSERT_NE(table, nullptr);
  EXPECT_TRUE(table->columns[0].is_primary_key && table->columns[1].is_primary_key);
  EXPECT_EQ(table->indexes[0].columns, (std::vector<std::string>{"track_id"}));
}

TEST(Store, ActionsAndEventsAreResolved) {
  const Entity* customer = store().find_entity("Customer");
  ASSERT_EQ(customer->actions.size(), 1U);
  const Action& action = customer->actions[0];
  EXPECT_EQ(action.path, "/api/v1/customers/{id}/change_email");
  EXPECT_EQ(action.input_type, "CustomerChangeEmailInput");
  ASSERT_EQ(action.input.size(), 1U);
  EXPECT_EQ(action.input[0].type, Scalar::email);
  EXPECT_EQ(action.input[0].max_length, 60U);
  EXPECT_FALSE(action.input[0].unique);
  EXPECT_EQ(store().entities[action.output].name, "Customer");
  EXPECT_EQ(customer->events[action.emits].name, "CustomerEmailChanged");
  EXPECT_EQ(customer->events[0].fields[0].field.cpp_type, "CustomerId");
  EXPECT_EQ(customer->events[0].fields[1].source_field, "email");
  const Field* status = store().find_entity("Invoice")->find_field("status");
  EXPECT_EQ(status->default_value->cpp, "InvoiceStatus::paid");
  EXPECT_FALSE(status->in_create);
  EXPECT_TRUE(status->in_response);
}

TEST(Store, ImportsKeepTheirKeysAsIds) {
  const Entity* customer = store().find_entity("Customer");
  ASSERT_TRUE(customer->import.has_value());
  EXPECT_EQ(customer->import->file, "Customer.csv");
  EXPECT_EQ(customer->import->key_field, "id");
  EXPECT_EQ(customer->import->columns[0].header, "CustomerId");
  EXPECT_TRUE(customer->import->columns[0].is_key);
  EXPECT_EQ(customer->import->columns.back().field, "support_rep_id");
}

TEST(Model, ACommaInsideParenthesesDoesNotSeparate) {
  const Service service = load(
      "  Item:\n    fields: {a: {type: decimal(10,2), min: 0}, b: decimal(4, 1), c: "
      "\"decimal(18,0)\"}\n");
  const Entity& item = service.entities[0];
  EXPECT_EQ(item.find_field("a")->precision, 10);
  EXPECT_EQ(item.find_field("a")->min->text, "0.00");
  EXPECT_EQ(item.find_field("b")->scale, 1);
  EXPECT_EQ(item.find_field("c")->precision, 18);
}

TEST(Model, BlockAndFlowStyleMeanTheSame) {
  const std::string flow =
      dump(load("  Item: {fields: {name: {type: string, max: 40}}, list: {sort: [name]}}\n"));
  std::string block =
      dump(load("  Item:\n    fields:\n      name:\n        type: string\n        max: 40\n    "
                "list:\n      sort:\n        - name\n"));
  EXPECT_EQ(flow, block);
}

TEST(Model, AnOptionalCycleIsEnteredWhereItIsOptional) {
  const Service service = load(
      "  Department:\n    fields: {name: string}\n    belongs_to: {head: {entity: Person, "
      "optional: true}}\n"
      "  Person:\n    fields: {name: string}\n    belongs_to: {department: Department}\n");
  EXPECT_EQ(service.tables[0].name, "departments");
  EXPECT_TRUE(service.tables[0].foreign_keys[0].target_is_later);
  EXPECT_EQ(service.tables[1].name, "people");
  EXPECT_FALSE(service.tables[1].foreign_keys[0].target_is_later);
}

TEST(Model, SelfManyToManyNamesItsSidesApart) {
  const Service service =
      load("  Person:\n    fields: {name: string}\n    many_to_many: {friends: Person}\n");
  const Pivot& pivot = *service.entities[0].relations[0].pivot;
  EXPECT_EQ(pivot.table, "person_friends");
  EXPECT_EQ(pivot.left_column, "person_id");
  EXPECT_EQ(pivot.right_column, "friend_id");
}

TEST(Model, MoneyAndGeoBecomePlainColumns) {
  const Service service = load(
      "  Shop:\n    fields: {fee: {type: money, currency: EUR}, place: {type: geo, optional: "
      "true}}\n");
  const Entity& shop = service.entities[0];
  EXPECT_EQ(shop.find_field("fee")->role, Role::money_amount);
  EXPECT_EQ(shop.find_field("fee_currency")->default_value->text, "EUR");
  EXPECT_FALSE(shop.find_field("fee_currency")->required_in_create);
  EXPECT_EQ(shop.find_field("place_latitude")->max->text, "90");
  EXPECT_TRUE(shop.find_field("place_longitude")->optional);
}

TEST(Model, EnumValuesThatAreCppWordsGetAnotherEnumerator) {
  const Service service = load("  Item:\n    fields: {kind: {type: enum, values: [new, used]}}\n");
  ASSERT_EQ(service.enums.size(), 1U);
  EXPECT_EQ(service.enums[0].name, "ItemKind");
  EXPECT_EQ(service.enums[0].values[0].name, "new");
  EXPECT_EQ(service.enums[0].values[0].cpp, "new_");
}

TEST(Model, ForeignKeysAreIndexedOnce) {
  const Service service = load(
      "  Owner:\n    fields: {name: string}\n"
      "  Item:\n    fields: {name: string}\n    belongs_to: {owner: Owner, maker: {entity: Owner, "
      "unique: true}, seller: Owner}\n    indexes: [[owner, name]]\n");
  std::vector<std::string> names;
  for (const Index& index : service.entities[1].indexes) names.push_back(index.name);
  EXPECT_EQ(names, (std::vector<std::string>{"ux_items_maker_id", "ix_items_owner_id_name",
                                             "ix_items_seller_id"}));
}

TEST(Model, LongNamesGiveIndexNamesOfAtMost63Characters) {
  const std::string name(60, 'n');
  const Service service =
      load("  Item:\n    fields: {" + name + ": {type: string, unique: true}, m" + name +
           ": {type: string, unique: true}}\n");
  std::set<std::string> names;
  for (const Index& index : service.entities[0].indexes) {
    EXPECT_LE(index.name.size(), 63U);
    EXPECT_TRUE(names.insert(index.name).second);
  }
}

TEST(Model, RowRulesFollowRelationsToWhoeverOwns) {
  const auto problem = [](const std::string& rule) {
    const Loaded loaded = load_text(
        "kit: 1\nservice: shop\nentities:\n"
        "  Rep:\n    fields: {login: string, age: int32, pin: {type: string, secret: true}}\n"
        "    belongs_to: {boss: {entity: Rep, optional: true, on_delete: set_null}}\n"
        "  Item:\n    fields: {name: string}\n    belongs_to: {rep: Rep}\n"
        "    access: {read: [sales], rows: {sales: " +
            rule + " == me}}\n",
        "shop.yaml");
    return loaded.diagnostics.empty() ? std::string() : loaded.diagnostics.front().message;
  };
  for (const char* good : {"name", "rep", "rep.login", "rep.boss.login", "rep.boss.boss.login"}) {
    EXPECT_EQ(problem(good), "") << good;
  }
  EXPECT_NE(problem("rep.boss.boss.boss.login").find("at most 3 relations"), std::string::npos);
  EXPECT_NE(problem("rep.age").find("'age' is none"), std::string::npos);
  EXPECT_NE(problem("rep.pin").find("'pin' is none"), std::string::npos);
  EXPECT_NE(problem("name.login").find("along belongs_to only"), std::string::npos);
  EXPECT_NE(problem("rep.lgin").find("unknown field or relation 'lgin' of 'Rep'"),
            std::string::npos);
}

TEST(Model, LimitsHoldAtAndPastTheirEdge) {
  const auto is_good = [](const std::string& fields) {
    return load_text("kit: 1\nservice: shop\nentities:\n  Item:\n    fields: {" + fields + "}\n",
                     "shop.yaml")
        .service.has_value();
  };
  EXPECT_TRUE(is_good("a: {type: decimal(18,18)}"));
  EXPECT_FALSE(is_good("a: {type: decimal(19,18)}"));
  EXPECT_TRUE(is_good("a: {type: string, max: 16383}"));
  EXPECT_FALSE(is_good("a: {type: string, max: 16384}"));
  EXPECT_TRUE(is_good("a: {type: text, max: 1000000}"));
  EXPECT_TRUE(is_good("a: {type: string, pattern: \"" + std::string(1024, 'a') + "\"}"));
  EXPECT_FALSE(is_good("a: {type: string, pattern: \"" + std::string(1025, 'a') + "\"}"));
  EXPECT_TRUE(is_good("a: {type: int32, min: -2147483648, max: 2147483647}"));
  EXPECT_TRUE(is_good("a: {type: int64, min: -9223372036854775808, max: 9223372036854775807}"));
  EXPECT_TRUE(is_good(std::string(63, 'a') + ": string"));
  EXPECT_FALSE(is_good(std::string(64, 'a') + ": string"));
}

TEST(Model, PatternsTogetherHaveAtMost64KiB) {
  std::string text = "kit: 1\nservice: shop\nentities:\n  Item:\n    fields:\n";
  for (int i = 0; i < 64; ++i) {
    text += "      f" + std::to_string(i) + ": {type: string, pattern: \"" +
            std::string(1024, 'a') + "\"}\n";
  }
  EXPECT_TRUE(load_text(text, "shop.yaml").service.has_value());
  text += "      last: {type: string, pattern: a}\n";
  const Loaded past = load_text(text, "shop.yaml");
  ASSERT_EQ(past.diagnostics.size(), 1U);
  EXPECT_EQ(past.diagnostics[0].message,
            "the patterns of the schema are longer than 64 KiB together");
}

TEST(Model, AReportHasAtMost200Errors) {
  std::string text = "kit: 1\nservice: shop\nentities:\n  Item:\n    fields:\n";
  for (int i = 0; i < 300; ++i) text += "      f" + std::to_string(i) + ": strng\n";
  const Loaded loaded = load_text(text, "shop.yaml");
  EXPECT_EQ(loaded.diagnostics.size(), 201U);
  EXPECT_EQ(loaded.diagnostics.back().message, "more than 200 errors: the rest is not shown");
}

TEST(LoadFile, TellsAMissingFile) {
  const Loaded loaded = load_file("/nonexistent/store.yaml");
  EXPECT_FALSE(loaded.service.has_value());
  EXPECT_EQ(schema::to_string(loaded.diagnostics),
            "/nonexistent/store.yaml: error: there is no such file\n1 error\n");
}

}  // namespace
}  // namespace kitgen::model
