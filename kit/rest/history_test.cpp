// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/history.hpp"

#include <gtest/gtest.h>

namespace kit::rest {
namespace {

constexpr std::string_view readers[] = {"clerk"};
constexpr record::RowRule own_rows[] = {{.role = "clerk", .owner = "owner"}};
constexpr record::AccessRules tags = {
    .name = {.label = "tag", .upper = "TAG"}, .entity = "Tag", .read = readers, .write = {}};
constexpr record::AccessRules notes = {.name = {.label = "note", .upper = "NOTE"},
                                       .entity = "Note",
                                       .read = readers,
                                       .write = {},
                                       .rows = own_rows};
constexpr HistoryLinks links[] = {{"tags", &tags}, {"notes", &notes}};

/// What somebody with `role` sees of an entry; without one, the program itself.
std::string seen(const char* role, std::string changes) {
  record::Page<record::HistoryEntry> page;
  page.items.emplace_back().changes = std::move(changes);
  Caller caller;
  if (role != nullptr) caller.roles.emplace_back(role);
  current_caller = role != nullptr ? &caller : nullptr;
  const std::string body = history_response(page, {}, {}, links).body;
  current_caller = nullptr;
  const std::size_t at = body.find("\"changes\":") + 10;
  return body.substr(at, body.find("}]", at) - at);
}

TEST(HistoryResponse, LinksToWhatMayNotBeReadAreLeftOut) {
  const std::string changes = R"({"name":["a","b"],"tags":[null,5]})";
  EXPECT_EQ(seen(nullptr, changes), changes);
  EXPECT_EQ(seen("clerk", changes), changes);
  EXPECT_EQ(seen("nobody", changes), R"({"name":["a","b"]})");
}

TEST(HistoryResponse, LinksToWhatOnlySomeRowsMayBeReadOfAreLeftOut) {
  EXPECT_EQ(seen("clerk", R"({"notes":[null,5],"name":[1,2]})"), R"({"name":[1,2]})");
  EXPECT_EQ(seen(nullptr, R"({"notes":[null,5]})"), R"({"notes":[null,5]})");
}

}  // namespace
}  // namespace kit::rest
