// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "kit_embed/sample.hpp"

namespace kit::app::web {
namespace {

std::string on_disk(std::string_view path) {
  std::ifstream file(std::string(KIT_SOURCE_DIR "/tests/tidy/sample/") + std::string(path));
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Embed, KeepsBytesPathsAndTypes) {
  auto files = sample();
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].path, "page.html");
  EXPECT_EQ(files[0].content_type, "text/html; charset=utf-8");
  EXPECT_EQ(files[1].path, "sub/dot.json");
  EXPECT_EQ(files[1].content_type, "application/json");
  for (const EmbeddedFile& file : files) {
    EXPECT_EQ(std::string(file.bytes.begin(), file.bytes.end()), on_disk(file.path));
  }
}

TEST(Embed, CarriesGzipOnlyWhereItIsSmaller) {
  const EmbeddedFile& page = sample()[0];
  ASSERT_GT(page.gzip.size(), 2u);
  EXPECT_LT(page.gzip.size(), page.bytes.size());
  EXPECT_EQ(page.gzip[0], 0x1f);
  EXPECT_EQ(page.gzip[1], 0x8b);
  EXPECT_TRUE(sample()[1].gzip.empty());
}

TEST(Embed, TagsAreStrongQuotedAndDiffer) {
  for (const EmbeddedFile& file : sample()) {
    EXPECT_EQ(file.etag.size(), 34u);
    EXPECT_EQ(file.etag.front(), '"');
    EXPECT_EQ(file.etag.back(), '"');
  }
  EXPECT_NE(sample()[0].etag, sample()[1].etag);
}

}  // namespace
}  // namespace kit::app::web
