// SPDX-License-Identifier: Apache-2.0
// The corpus of the reader's fuzzer, read by an independent parser too. The name of a file says
// what RFC 8259 wants: y_* accept, n_* reject; i_* is where we are stricter than others, so that
// only our own verdict (reject) is checked.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "kit/json/value.hpp"

namespace kit::json {
namespace {

constexpr const char* corpus = KIT_SOURCE_DIR "/tests/corpus/json_reader_fuzz";

bool simdjson_accepts(const std::string& text) {
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  return parser.parse(text).get(element) == simdjson::SUCCESS;
}

TEST(OracleTest, AgreesOnTheCorpus) {
  int checked = 0;
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    std::string name = entry.path().filename();
    SCOPED_TRACE(name);
    Result<Value> value = Value::parse(text);
    ++checked;
    if (name.starts_with("i_")) {
      EXPECT_FALSE(value);
      continue;
    }
    if (!name.starts_with("y_") && !name.starts_with("n_")) continue;  // a finding of the fuzzer
    EXPECT_EQ(value.ok(), name.starts_with("y_")) << (value ? "" : value.error().message());
    EXPECT_EQ(simdjson_accepts(text), name.starts_with("y_"));
  }
  EXPECT_GE(checked, 40);
}

/// What both accept both must understand alike: simdjson's own minified text of our text equals its
/// text of the source.
TEST(OracleTest, UnderstandsTheSame) {
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    SCOPED_TRACE(entry.path().filename().string());
    Result<std::string> ours = compact(text);
    if (!ours || !simdjson_accepts(text)) continue;
    simdjson::dom::parser source_parser;
    simdjson::dom::parser ours_parser;
    EXPECT_EQ(simdjson::to_string(source_parser.parse(text).value()),
              simdjson::to_string(ours_parser.parse(*ours).value()));
  }
}

}  // namespace
}  // namespace kit::json
