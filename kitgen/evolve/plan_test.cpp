// SPDX-License-Identifier: Apache-2.0
#include "kitgen/evolve/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kitgen/evolve/sqlite.hpp"
#include "kitgen/model/load.hpp"

namespace kitgen::evolve {
namespace {

using testing::ElementsAre;

Catalogue catalogue(const std::string& entities) {
  model::Loaded loaded =
      model::load_text("kit: 1\nservice: shop\nentities:\n" + entities, "a.yaml");
  EXPECT_TRUE(loaded.service) << schema::to_string(loaded.diagnostics);
  return loaded.service ? catalogue_of(*loaded.service) : Catalogue{};
}

struct Namer {
  std::string operator()(const CreateTable& step) const { return "create " + step.table.name; }
  std::string operator()(const RenameTable& step) const { return "rename " + step.from; }
  std::string operator()(const RenameColumn& step) const { return "rename " + step.from; }
  std::string operator()(const FillTable& step) const { return "fill " + step.table.name; }
  std::string operator()(const ChangeTable& step) const {
    return "change " + step.change.after.name;
  }
  std::string operator()(const BeforeDrops&) const { return "yours"; }
  std::string operator()(const DropColumns& step) const {
    return "drop from " + step.change.after.name;
  }
  std::string operator()(const DropTable& step) const { return "drop " + step.table.name; }
  std::string operator()(const CreateSystemTable& step) const { return "create " + step.form; }
  std::string operator()(const ChangeSystemTable& step) const {
    return "change " + step.from + " to " + step.to;
  }
  std::string operator()(const DropSystemTable& step) const { return "drop " + step.form; }
};

std::vector<std::string> names(const std::vector<Step>& steps) {
  std::vector<std::string> result;
  for (const Step& step : steps) result.push_back(std::visit(Namer(), step.action));
  return result;
}

const std::string before = R"(  Team:
    fields: {name: string}
  Client:
    fields: {telephone: string, fax: string, size: int32}
    belongs_to: {team: Team}
  Coupon:
    fields: {code: bytes}
    belongs_to: {client: Client}
)";
const std::string after = R"(  Customer:
    renamed_from: Client
    fields:
      phone: {type: string, renamed_from: telephone}
      size: {type: decimal(9,2)}
  Visit:
    fields: {day: date}
    belongs_to: {customer: Customer}
)";

TEST(Plan, steps_stand_in_a_safe_order) {
  const Catalogue a = catalogue(before);
  const Catalogue b = catalogue(after);
  const Plan made = plan(a, b, difference(a, b));
  ASSERT_TRUE(made.problems.empty()) << made.problems.front().message;
  EXPECT_THAT(names(made.up),
              ElementsAre("rename clients", "rename telephone", "create visits", "change customers",
                          "yours", "drop from customers", "drop coupons", "drop teams"));
  EXPECT_THAT(names(made.down),
              ElementsAre("rename customers", "rename phone", "create teams", "create coupons",
                          "fill teams", "change clients", "drop visits"));
}

TEST(Plan, steps_say_what_they_cost) {
  const Catalogue a = catalogue(before);
  const Catalogue b = catalogue(after);
  const Plan made = plan(a, b, difference(a, b));
  std::vector<std::string> costs;
  for (const Step& step : made.up) {
    const StepCost cost = sqlite_cost(step);
    costs.push_back(cost.locks + (cost.count.empty() ? "" : "; " + cost.count) +
                    (step.destructive ? "; destructive" : "") +
                    (step.reversible ? "" : "; irreversible"));
  }
  EXPECT_THAT(
      costs, ElementsAre(
                 "nothing of note", "nothing of note", "nothing of note",
                 "writes customers anew; SELECT count(*) FROM customers", "nothing of note",
                 "writes customers anew; SELECT count(*) FROM customers; destructive; irreversible",
                 "removes coupons; SELECT count(*) FROM coupons; destructive; irreversible",
                 "removes teams; SELECT count(*) FROM teams; destructive; irreversible"));
}

TEST(Plan, former_names_do_no_harm_once_they_are_carried_out) {
  const Catalogue b = catalogue(after);
  EXPECT_TRUE(plan(b, b, difference(b, b)).empty());
}

TEST(Plan, the_order_of_things_is_no_difference) {
  const Catalogue a =
      catalogue("  Ape:\n    fields: {x: int32, y: int32}\n  Bee:\n    fields: {z: date}\n");
  const Catalogue b =
      catalogue("  Bee:\n    fields: {z: date}\n  Ape:\n    fields: {y: int32, x: int32}\n");
  EXPECT_TRUE(a.same_storage(b));
  EXPECT_TRUE(plan(a, b, difference(a, b)).empty());
}

}  // namespace
}  // namespace kitgen::evolve
