// SPDX-License-Identifier: Apache-2.0
#include "kit/outbox/payload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace kit::outbox {
namespace {

using testing::HasSubstr;

struct Moved {
  Id<struct ThingTag> thing_id;
  std::string to;
  std::optional<std::int32_t> floor;
  std::vector<std::string> tags;
};

constexpr PayloadField moved_fields[] = {
    payload_field<&Moved::thing_id>("thing_id"),
    payload_field<&Moved::to>("to"),
    payload_field<&Moved::floor>("floor"),
    payload_field<&Moved::tags>("tags"),
};

Result<Moved> read(std::string payload, std::string type = "Moved") {
  Event event;
  event.id = "e1";
  event.type = std::move(type);
  event.payload = std::move(payload);
  Moved moved;
  KIT_TRY(read_payload(event, "Moved", moved_fields, &moved));
  return moved;
}

TEST(Payload, GivesTheEventAndLeavesAloneWhatLaterVersionsAdd) {
  const auto moved = read(R"({"thing_id": 7, "later": {"x": [1]}, "to": "shelf", "tags": ["a"]})");
  ASSERT_TRUE(moved.ok()) << moved.error().message();
  EXPECT_EQ(moved->thing_id.value(), 7);
  EXPECT_EQ(moved->to, "shelf");
  EXPECT_FALSE(moved->floor);
  EXPECT_EQ(moved->tags.size(), 1U);
}

TEST(Payload, SaysWhatIsWrong) {
  const auto problem = [](std::string payload) {
    const auto moved = read(std::move(payload));
    return moved.ok() ? "" : moved.error().reason() + " " + moved.error().message();
  };
  EXPECT_THAT(problem(R"({"thing_id": 7, "to": "x"})"), HasSubstr("tags is missing"));
  EXPECT_THAT(problem(R"({"thing_id": "x"})"),
              HasSubstr("EVENT_PAYLOAD the event e1: thing_id must"));
  EXPECT_THAT(problem("[]"), HasSubstr("no object"));
  EXPECT_THAT(problem("{"), HasSubstr("line 1"));
  EXPECT_THAT(problem(R"({"thing_id": 7, "to": "x", "tags": []} x)"), HasSubstr("line 1"));
  EXPECT_THAT(read("{}", "Sold").error().message(), HasSubstr("its type is Sold, not Moved"));
}

TEST(Payload, KeysAreTheIdsAsOnTheWire) {
  EXPECT_EQ(key_of(Id<struct ThingTag>(42)), "42");
  const std::string text = "0190b9c0-7b2a-7cc3-9d6e-0123456789ab";
  EXPECT_EQ(key_of(*Uuid::parse(text)), text);
}

}  // namespace
}  // namespace kit::outbox
