// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/detail/row_media.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kit::rest::detail {
namespace {

using db::RowFormat;

TEST(AcceptedFormat, IsWhatTheClientLikesMoreAndCsvOfEquals) {
  const std::string xlsx(xlsx_media_type);
  EXPECT_EQ(accepted_format(std::nullopt), RowFormat::csv);
  for (const std::string& accept :
       {std::string(), std::string("*/*"), std::string("text/csv"),
        std::string("application/json, text/csv"), std::string("image/png"),
        xlsx + ";q=0.5, text/csv", xlsx + ";q=0", xlsx + ", text/csv", xlsx + "x",
        xlsx + "; q=0.2, */*", std::string("text/html,application/xhtml+xml,*/*;q=0.8")}) {
    EXPECT_EQ(accepted_format(accept), RowFormat::csv) << accept;
  }
  for (const std::string& accept :
       {xlsx, xlsx + ", */*", xlsx + ";q=0.9, text/csv;q=0.8", " " + xlsx + " ; Q=1 , text/*",
        std::string("APPLICATION/VND.openxmlformats-officedocument.spreadsheetml.SHEET"),
        std::string("application/*, text/csv;q=0.1")}) {
    EXPECT_EQ(accepted_format(accept), RowFormat::xlsx) << accept;
  }
}

TEST(SentFormat, IsThatOfTheContentType) {
  EXPECT_EQ(sent_format(std::nullopt), RowFormat::csv);
  EXPECT_EQ(sent_format("text/csv; charset=utf-8"), RowFormat::csv);
  EXPECT_EQ(sent_format(xlsx_media_type), RowFormat::xlsx);
  EXPECT_EQ(sent_format("Application/vnd.openxmlformats-officedocument.spreadsheetml.sheet ; a=b"),
            RowFormat::xlsx);
}

TEST(FormatUnavailable, IsToldWithTheStatusOfItsSide) {
  const Result<> out = check_exportable(RowFormat::xlsx);
  const Result<> in = check_importable(RowFormat::xlsx);
  ASSERT_EQ(out.ok(), in.ok());
  if (!out) {
    EXPECT_EQ(out.error().http_status(), 406);
    EXPECT_EQ(in.error().http_status(), 415);
    EXPECT_EQ(in.error().reason(), "FORMAT_UNAVAILABLE");
    EXPECT_NE(in.error().message().find("use CSV"), std::string::npos);
  }
  EXPECT_TRUE(check_exportable(RowFormat::csv).ok());
  EXPECT_TRUE(check_importable(RowFormat::csv).ok());
}

}  // namespace
}  // namespace kit::rest::detail
