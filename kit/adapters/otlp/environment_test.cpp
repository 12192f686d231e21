// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "kit/adapters/otlp/exporter.hpp"

namespace kit::otlp {
namespace {

using namespace std::chrono_literals;
using Variables = std::vector<std::string>;

TEST(Environment, SaysNothing) {
  ExporterOptions options;
  EXPECT_FALSE(*apply_environment(options, Variables{"HOME=/x", "OTEL_EXPORTER_OTLP_ENDPOINT="}));
  EXPECT_EQ(options.traces_url, "http://localhost:4318/v1/traces");
}

TEST(Environment, IsTakenOver) {
  ExporterOptions options;
  EXPECT_TRUE(*apply_environment(
      options,
      Variables{"OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318/base",
                "OTEL_EXPORTER_OTLP_HEADERS=api-key=a%20b, x=y", "OTEL_EXPORTER_OTLP_TIMEOUT=2500",
                "OTEL_EXPORTER_OTLP_COMPRESSION=gzip", "OTEL_SERVICE_NAME=store",
                "OTEL_RESOURCE_ATTRIBUTES=service.name=other,deployment=prod,"
                "service.version=1.2,telemetry.sdk.name=fake"}));
  EXPECT_EQ(options.traces_url, "http://collector:4318/base/v1/traces");
  ASSERT_EQ(options.headers.size(), 2U);
  EXPECT_EQ(options.headers[0].first, "api-key");
  EXPECT_EQ(options.headers[0].second.reveal(), "a b");
  EXPECT_EQ(options.timeout, 2500ms);
  EXPECT_TRUE(options.gzip);
  EXPECT_EQ(options.resource.service_name, "store");
  EXPECT_EQ(options.resource.service_version, "1.2");
  ASSERT_EQ(options.resource.attributes.size(), 1U);
  EXPECT_EQ(options.resource.attributes[0].first, "deployment");
}

TEST(Environment, WhatIsSaidOfTracesCounts) {
  ExporterOptions options;
  EXPECT_TRUE(*apply_environment(
      options, Variables{"OTEL_EXPORTER_OTLP_ENDPOINT=http://all:1",
                         "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://traces:2/as/it/is",
                         "OTEL_EXPORTER_OTLP_TIMEOUT=1", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=2"}));
  EXPECT_EQ(options.traces_url, "https://traces:2/as/it/is");
  EXPECT_EQ(options.timeout, 2ms);
}

TEST(Environment, RefusesWhatItCannotRead) {
  for (const std::string bad :
       {"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318", "OTEL_EXPORTER_OTLP_ENDPOINT=ftp://x",
        "OTEL_EXPORTER_OTLP_HEADERS=secretvalue", "OTEL_EXPORTER_OTLP_HEADERS==secretvalue",
        "OTEL_EXPORTER_OTLP_HEADERS=a=secretvalue%2", "OTEL_EXPORTER_OTLP_TIMEOUT=0",
        "OTEL_EXPORTER_OTLP_TIMEOUT=10s", "OTEL_EXPORTER_OTLP_COMPRESSION=zstd",
        "OTEL_RESOURCE_ATTRIBUTES=a"}) {
    ExporterOptions options;
    const auto applied = apply_environment(options, Variables{bad, "OTEL_SERVICE_NAME=store"});
    ASSERT_FALSE(applied.ok()) << bad;
    const std::string name = bad.substr(0, bad.find('='));
    EXPECT_NE(applied.error().describe().find(name), std::string::npos) << bad;
    EXPECT_EQ(applied.error().describe().find("secretvalue"), std::string::npos) << bad;
    EXPECT_EQ(options.resource.service_name, "unknown_service");  // all or nothing
  }
}

}  // namespace
}  // namespace kit::otlp
