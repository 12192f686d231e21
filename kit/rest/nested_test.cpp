// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/nested.hpp"

#include <gtest/gtest.h>

namespace kit::rest {
namespace {

using Texts = std::vector<std::string>;

struct Line {
  std::int64_t order_id = 0;
  std::int32_t quantity = 1;
};
struct Order {
  std::int64_t id = 0;
  std::string name;
};

constexpr Field order_fields[] = {field<&Order::name>("name", Rule::optional), nested("lines")};
constexpr Field line_fields[] = {
    field<&Line::order_id>("order_id", Rule::required),
    field<&Line::quantity>("quantity", Rule::required),
};

void check_line(const Line& line, std::vector<FieldViolation>& violations) {
  if (line.quantity < 1) violations.push_back({"quantity", "must be at least 1"});
}
void check_order(const Order&, std::vector<FieldViolation>&) {}

struct LineService {
  Task<Line> create(Line line) { co_return line; }
};
using Lines = NestedOf<&Line::order_id, LineService>;

Texts texts(const std::vector<FieldViolation>& violations) {
  Texts out;
  for (const FieldViolation& each : violations) out.push_back(each.field + ": " + each.description);
  return out;
}

struct Read {
  LineService service;
  Lines lines{service,
              {.name = "lines",
               .max = 3,
               .back = "order_id",
               .fields = line_fields,
               .validate = check_line,
               .write = [](json::Writer&, const Line&) {}}};

  Texts read(std::string_view body) {
    NestedList* const lists[] = {&lines};
    std::vector<FieldViolation> violations;
    detail::read_nested(body, lists, violations);
    return texts(violations);
  }
};

TEST(Nested, ListsAreReadUpToTheirLimit) {
  EXPECT_EQ(Read().read("{}"), Texts{});
  Read at;
  EXPECT_EQ(at.read(R"({"lines":[{"quantity":1},{"quantity":2},{"quantity":3}]})"), Texts{});
  EXPECT_EQ(at.lines.size(), 3U);
  Read past;
  EXPECT_EQ(past.read(R"({"lines":[{"quantity":1},{"quantity":2},{"quantity":3},{},{}]})"),
            Texts{"lines: must have at most 3 items"});
  EXPECT_EQ(past.lines.size(), 3U);
}

TEST(Nested, WhatIsWrongHasItsPlace) {
  EXPECT_EQ(Read().read(R"({"lines":[{"quantity":0},7,{"order_id":1,"quantity":"x"}]})"),
            (Texts{"lines[0].quantity: must be at least 1", "lines[1]: must be a JSON object",
                   "lines[2].order_id: is implied by where this stands; leave it out",
                   "lines[2].quantity: must be a whole number, is a string"}));
  EXPECT_EQ(Read().read(R"({"lines":{}})"), Texts{"lines: must be an array"});
  EXPECT_EQ(Read().read(R"({"lines":null})"), Texts{"lines: must be an array"});
}

TEST(Nested, RequestsThatDoNotCreateOneRefuseThem) {
  for (const Mode mode : {Mode::create, Mode::replace, Mode::patch}) {
    Input<Order> input(order_fields, mode, check_order);
    ASSERT_TRUE(input.read(R"({"name":"x","lines":[]})"));
    EXPECT_EQ(texts(input.violations()), Texts{"lines: is only taken by POST, for one new entity"});
  }
  Input<Order> input(order_fields, Mode::create, check_order);
  input.leave_nested();
  ASSERT_TRUE(input.read(R"({"name":"x","lines":[]})"));
  EXPECT_FALSE(input.has_violations());
}

TEST(Nested, TheListsBecomeMembersOfTheAnswer) {
  std::string body = R"({"id":1})";
  add_members(body, R"("lines":[])");
  EXPECT_EQ(body, R"({"id":1,"lines":[]})");
}

}  // namespace
}  // namespace kit::rest
