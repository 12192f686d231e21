// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/openapi.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <set>

#include "kitgen/model/load.hpp"

namespace kitgen::render {
namespace {

using testing::HasSubstr;

model::Service load(const std::string& file) {
  model::Loaded loaded = model::load_file(std::string(KIT_SOURCE_DIR) + "/" + file);
  EXPECT_TRUE(loaded.service) << schema::to_string(loaded.diagnostics);
  return loaded.service ? std::move(*loaded.service) : model::Service{};
}

std::string document_of(const model::Service& service) {
  return render_openapi(service, {})->front().text;
}

/// What `#/components/schemas/Customer` points to.
YAML::Node resolve(const YAML::Node& document, const std::string& reference) {
  YAML::Node at(document);
  std::size_t begin = 2;
  while (begin <= reference.size()) {
    const std::size_t end = std::min(reference.find('/', begin), reference.size());
    at.reset(at[reference.substr(begin, end - begin)]);
    if (!at.IsDefined()) break;
    begin = end + 1;
  }
  return at;
}

void collect_references(const YAML::Node& node, std::set<std::string>& references) {
  if (node.IsMap()) {
    for (const auto& entry : node) {
      if (entry.first.Scalar() == "$ref") references.insert(entry.second.Scalar());
      collect_references(entry.second, references);
    }
  }
  if (node.IsSequence()) {
    for (const auto& element : node) collect_references(element, references);
  }
}

/// Every schema: what is required is there, and every key stands once.
void check_objects(const YAML::Node& node) {
  if (node.IsSequence()) {
    for (const auto& element : node) check_objects(element);
  }
  if (!node.IsMap()) return;
  std::set<std::string> keys;
  for (const auto& entry : node) {
    EXPECT_TRUE(keys.insert(entry.first.Scalar()).second) << entry.first.Scalar() << " twice";
    check_objects(entry.second);
  }
  if (!node["required"].IsDefined() || !node["required"].IsSequence()) return;
  for (const auto& name : node["required"]) {
    EXPECT_TRUE(node["properties"][name.Scalar()].IsDefined()) << name.Scalar();
  }
}

void check_operation(const YAML::Node& document, const std::string& path, const YAML::Node& item,
                     const YAML::Node& operation, std::set<std::string>& ids) {
  EXPECT_TRUE(ids.insert(operation["operationId"].Scalar()).second) << operation["operationId"];
  std::set<std::string> parameters;
  for (const YAML::Node& list : {item["parameters"], operation["parameters"]}) {
    for (const auto& each : list) {
      const YAML::Node reference = each["$ref"];
      const YAML::Node here = each;
      const YAML::Node parameter =
          reference.IsDefined() ? resolve(document, reference.Scalar()) : here;
      const std::string key = parameter["in"].Scalar() + " " + parameter["name"].Scalar();
      EXPECT_TRUE(parameters.insert(key).second) << path << ": " << key << " twice";
    }
  }
  for (std::size_t at = path.find('{'); at != std::string::npos; at = path.find('{', at + 1)) {
    const std::string name = path.substr(at + 1, path.find('}', at) - at - 1);
    EXPECT_TRUE(parameters.contains("path " + name)) << path << " has no parameter " << name;
  }
  EXPECT_TRUE(operation["responses"]["default"].IsDefined()) << path;
  EXPECT_GE(operation["responses"].size(), 2U) << path;
}

void check_document(const std::string& text) {
  const YAML::Node document = YAML::Load(text);
  EXPECT_EQ(document["openapi"].Scalar(), "3.0.3");
  std::set<std::string> references;
  collect_references(document, references);
  for (const std::string& reference : references) {
    EXPECT_TRUE(reference.starts_with("#/components/")) << reference;
    EXPECT_TRUE(resolve(document, reference).IsDefined()) << reference;
  }
  check_objects(document["paths"]);
  check_objects(document["components"]);
  std::set<std::string> ids;
  for (const auto& path : document["paths"]) {
    for (const auto& operation : path.second) {
      if (operation.first.Scalar() == "parameters") continue;
      check_operation(document, path.first.Scalar(), path.second, operation.second, ids);
    }
  }
}

TEST(Openapi, the_store_is_described_without_a_loose_end) {
  const model::Service service = load("examples/store/api/store.yaml");
  const std::string text = document_of(service);
  check_document(text);
  const YAML::Node document = YAML::Load(text);
  const YAML::Node paths = document["paths"];
  EXPECT_TRUE(paths["/api/v1/tracks"]["get"].IsDefined());
  EXPECT_TRUE(paths["/api/v1/customers/{id}/change_email"]["post"]["requestBody"].IsDefined());
  EXPECT_TRUE(paths["/api/v1/playlists/{id}/tracks/{target_id}"]["put"].IsDefined());
  EXPECT_TRUE(paths["/api/v1/customers/{id}"]["put"]["responses"]["412"].IsDefined());
  const YAML::Node total = document["components"]["schemas"]["Invoice"]["properties"]["total"];
  EXPECT_EQ(total["type"].Scalar(), "string");
  EXPECT_EQ(total["format"].Scalar(), "decimal");
}

TEST(Openapi, a_field_named_like_a_list_parameter_is_filtered_by_eq) {
  const YAML::Node document = YAML::Load(document_of(load("examples/store/api/store.yaml")));
  const YAML::Node parameters = document["components"]["parameters"];
  EXPECT_TRUE(parameters["Invoice.total.eq"].IsDefined());
  EXPECT_FALSE(parameters["Invoice.total"].IsDefined());
  EXPECT_TRUE(parameters["Invoice.status"].IsDefined());
}

TEST(Openapi, free_text_cannot_leave_its_place) {
  const auto loaded = model::load_text(R"(kit: 1
service: shop
doc: "a: b\n# c\n\"quoted\" \\ {x} - [y]"
enums:
  Answer: ["yes", "no"]
entities:
  Item:
    doc: "first line\n- second: line"
    fields:
      yes_no: {type: Answer, doc: "'single' \"double\" : #"}
      code: {type: string, pattern: "[a-z]+\\d", optional: true}
)",
                                       "shop.yaml");
  ASSERT_TRUE(loaded.service) << schema::to_string(loaded.diagnostics);
  const std::string text = document_of(*loaded.service);
  check_document(text);
  const YAML::Node document = YAML::Load(text);
  EXPECT_EQ(document["info"]["description"].Scalar(), loaded.service->doc);
  const YAML::Node schemas = document["components"]["schemas"];
  EXPECT_EQ(schemas["Item"]["description"].Scalar(), "first line\n- second: line");
  EXPECT_THAT(text, HasSubstr(R"(enum: ["yes", "no"])"));
  EXPECT_EQ(schemas["Item"]["properties"]["code"]["pattern"].Scalar(), "^(?:[a-z]+\\d)$");
}

}  // namespace
}  // namespace kitgen::render
