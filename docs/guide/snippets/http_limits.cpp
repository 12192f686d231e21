// SPDX-License-Identifier: Apache-2.0
// Holds the table of limits in docs/guide/http.md to the code: every limit is in it, with its
// setting, its default, its label on the metric, and a test that exists.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kit/app/command_line.hpp"
#include "kit/app/settings.hpp"
#include "kit/http/client/client_options.hpp"
#include "kit/http/conditional.hpp"
#include "kit/http/limit_counts.hpp"
#include "kit/http/limits.hpp"
#include "kit/http/upload.hpp"
#include "kit/http/websocket.hpp"
#include "kit/net/tls.hpp"

namespace kit::http {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == text.npos) return parts;
    text.remove_prefix(at + 1);
  }
}

/// What stands between backticks in a cell.
std::vector<std::string> names_in(std::string_view cell) {
  std::vector<std::string> names;
  const std::vector<std::string_view> parts = split(cell, '`');
  for (std::size_t i = 1; i < parts.size(); i += 2) names.emplace_back(parts[i]);
  return names;
}

struct Row {
  std::vector<std::string> labels;
  std::vector<std::string> tests;
  std::string standard;  // as the guide says it: "32KiB"
};

/// The rows of the table under "## Limits", by the name in their first cell.
std::map<std::string, Row> rows() {
  const std::string guide = read(KIT_SOURCE_DIR "/docs/guide/http.md");
  std::map<std::string, Row> found;
  const std::string_view title = "\n## Limits\n";
  const std::size_t begin = guide.find(title);
  if (begin == guide.npos) {
    ADD_FAILURE() << "the guide has no section on limits";
    return found;
  }
  std::string_view section = std::string_view(guide).substr(begin + title.size());
  section = section.substr(0, section.find("\n## "));
  for (const std::string_view line : split(section, '\n')) {
    if (!line.starts_with("| `")) continue;
    const std::vector<std::string_view> cells = split(line, '|');
    if (cells.size() != 7) {
      ADD_FAILURE() << "not five cells: " << line;
      continue;
    }
    Row row;
    row.standard = cells[2].substr(1, cells[2].size() - 2);
    row.labels = names_in(cells[4]);
    row.tests = names_in(cells[5]);
    const std::string name = names_in(cells[1]).at(0);
    EXPECT_TRUE(found.emplace(name, std::move(row)).second) << "twice: " << name;
  }
  return found;
}

/// "32KiB" in bytes, "10s" in milliseconds, "100" as it is.
std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    number = number * 10 + static_cast<std::uint64_t>(text[digits++] - '0');
  }
  static const std::map<std::string_view, std::uint64_t> units{
      {"", 1},   {"B", 1},     {"KiB", 1024}, {"MiB", 1024 * 1024},
      {"ms", 1}, {"s", 1'000}, {"m", 60'000}};
  const auto unit = units.find(text.substr(digits));
  if (digits == 0 || unit == units.end()) return std::nullopt;
  return number * unit->second;
}

std::uint64_t ms(Clock::duration time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

/// A field of `Limits` and the name that its row has: a setting where there is one.
struct Field {
  std::string_view name;
  std::string_view row;
  std::uint64_t standard;
};

std::vector<Field> fields_of_limits() {
  const Limits limits;
  return {
      {"request_line_bytes", "http.request_line", limits.request_line_bytes},
      {"header_bytes", "http.header", limits.header_bytes},
      {"header_count", "http.header_count", limits.header_count},
      {"header_field_bytes", "http.header_field", limits.header_field_bytes},
      {"body_bytes", "http.body", limits.body_bytes},
      {"query_parameters", "http.query_parameters", limits.query_parameters},
      {"pipelined_bytes", "http.pipelined", limits.pipelined_bytes},
      {"requests_per_connection", "http.requests_per_connection", limits.requests_per_connection},
      {"connections", "http.connections", limits.connections},
      {"connections_per_peer", "http.connections_per_peer", limits.connections_per_peer},
      {"header_timeout", "http.header_timeout", ms(limits.header_timeout)},
      {"body_timeout", "http.body_timeout", ms(limits.body_timeout)},
      {"body_bytes_per_second", "http.body_rate", limits.body_bytes_per_second},
      {"idle_timeout", "http.idle_timeout", ms(limits.idle_timeout)},
      {"write_timeout", "http.write_timeout", ms(limits.write_timeout)},
      {"answer_bytes_per_second", "http.answer_rate", limits.answer_bytes_per_second},
      {"handler_timeout", "http.handler_timeout", ms(limits.handler_timeout)},
      {"http2_streams", "http.http2_streams", limits.http2_streams},
      {"http2_stream_window", "http.http2_stream_window", limits.http2_stream_window},
      {"http2_connection_window", "http.http2_connection_window", limits.http2_connection_window},
      {"http2_buffered_bytes", "http.http2_buffered", limits.http2_buffered_bytes},
      {"http2_continuations", "http.http2_continuations", limits.http2_continuations},
      {"http2_empty_frames", "http.http2_empty_frames", limits.http2_empty_frames},
      {"http2_queued_frames", "http.http2_queued_frames", limits.http2_queued_frames},
      {"http2_rate_window", "http.http2_rate_window", ms(limits.http2_rate_window)},
      {"http2_resets", "http.http2_resets", limits.http2_resets},
      {"http2_pings", "http.http2_pings", limits.http2_pings},
      {"http2_control_frames", "http.http2_control_frames", limits.http2_control_frames}};
}

/// The limits that are no settings of the server.
std::map<std::string, std::uint64_t> options() {
  const net::TlsAcceptor::Options tls;
  const UploadOptions upload;
  const MultipartLimits parts;
  const WebSocketLimits socket;
  const ClientOptions client;
  return {{"TlsAcceptor::Options::handshake_timeout", ms(tls.handshake_timeout)},
          {"UploadOptions::max_bytes", upload.max_bytes},
          {"UploadOptions::max_file_bytes", upload.max_file_bytes},
          {"UploadOptions::max_field_bytes", upload.max_field_bytes},
          {"UploadOptions::max_fields_bytes", upload.max_fields_bytes},
          {"MultipartLimits::parts", parts.parts},
          {"MultipartLimits::header_bytes", parts.header_bytes},
          {"MultipartLimits::header_count", parts.header_count},
          {"MultipartLimits::name_bytes", parts.name_bytes},
          {"max_byte_ranges", max_byte_ranges},
          {"WebSocketLimits::max_message_bytes", socket.max_message_bytes},
          {"WebSocketLimits::ping_interval", ms(socket.ping_interval)},
          {"WebSocketLimits::pong_timeout", ms(socket.pong_timeout)},
          {"WebSocketLimits::close_timeout", ms(socket.close_timeout)},
          {"WebSocketLimits::write_timeout", ms(socket.write_timeout)},
          {"ClientOptions::connect_timeout", ms(client.connect_timeout)},
          {"ClientOptions::tls_timeout", ms(client.tls_timeout)},
          {"ClientOptions::header_timeout", ms(client.header_timeout)},
          {"ClientOptions::read_timeout", ms(client.read_timeout)},
          {"ClientOptions::write_timeout", ms(client.write_timeout)},
          {"ClientOptions::timeout", ms(client.timeout)},
          {"ClientOptions::body_bytes", client.body_bytes},
          {"ResponseLimits::status_line_bytes", client.response.status_line_bytes},
          {"ResponseLimits::header_bytes", client.response.header_bytes},
          {"ResponseLimits::header_count", client.response.header_count},
          {"ResponseLimits::header_field_bytes", client.response.header_field_bytes},
          {"ResponseLimits::interim_responses", client.response.interim_responses},
          {"PoolLimits::idle", client.pool.idle},
          {"PoolLimits::per_host", client.pool.per_host},
          {"PoolLimits::waiters", client.pool.waiters},
          {"PoolLimits::idle_timeout", ms(client.pool.idle_timeout)},
          {"PoolLimits::age", ms(client.pool.age)}};
}

/// The members that a struct of a header declares with a default.
std::set<std::string, std::less<>> members_of(std::string_view header, std::string_view name) {
  const std::string text = read(std::filesystem::path(KIT_SOURCE_DIR) / header);
  const std::size_t begin = text.find("struct " + std::string(name) + " {\n");
  EXPECT_NE(begin, text.npos) << name;
  std::set<std::string, std::less<>> members;
  for (const std::string_view line :
       split(std::string_view(text).substr(begin, text.find("\n};", begin) - begin), '\n')) {
    for (const std::string_view type :
         {"std::size_t ", "std::uint32_t ", "std::chrono::milliseconds "}) {
      const std::string start = "  " + std::string(type);
      if (!line.starts_with(start)) continue;
      const std::string_view rest = line.substr(start.size());
      members.emplace(rest.substr(0, rest.find_first_of(" {;")));
    }
  }
  EXPECT_GT(members.size(), 3U) << name;
  return members;
}

TEST(HttpLimits, EachHasItsRowWithItsDefault) {
  std::map<std::string, std::uint64_t> wanted = options();
  for (const Field& field : fields_of_limits()) wanted[std::string(field.row)] = field.standard;
  const auto table = rows();
  for (const auto& [name, standard] : wanted) {
    const auto row = table.find(name);
    if (row == table.end()) {
      ADD_FAILURE() << "no row: " << name;
      continue;
    }
    EXPECT_EQ(number_of(row->second.standard), standard) << name << ": " << row->second.standard;
  }
  for (const auto& [name, row] : table) EXPECT_TRUE(wanted.contains(name)) << "no limit: " << name;
}

TEST(HttpLimits, NoneIsForgottenHere) {
  std::set<std::string, std::less<>> known;
  for (const Field& field : fields_of_limits()) known.emplace(field.name);
  EXPECT_EQ(members_of("kit/http/limits.hpp", "Limits"), known);
  const auto others = options();
  const auto expect_all = [&](std::string_view header, const std::string& type) {
    for (const std::string& member : members_of(header, type)) {
      std::string option = type;
      option.append("::").append(member);
      EXPECT_TRUE(others.contains(option)) << option;
    }
  };
  expect_all("kit/http/multipart.hpp", "MultipartLimits");
  expect_all("kit/http/upload.hpp", "UploadOptions");
  expect_all("kit/http/websocket.hpp", "WebSocketLimits");
  expect_all("kit/http/client/response_parser.hpp", "ResponseLimits");
  expect_all("kit/http/client/client_options.hpp", "PoolLimits");
  expect_all("kit/http/client/client_options.hpp", "ClientOptions");
}

TEST(HttpLimits, HaveTheirLabels) {
  std::multiset<std::string> said;
  for (const auto& [name, row] : rows()) said.insert(row.labels.begin(), row.labels.end());
  std::multiset<std::string> labels;
  for (std::size_t i = 0; i < limit_count; ++i) {
    labels.emplace(name(static_cast<Limit>(i)));
  }
  EXPECT_EQ(said, labels);
}

TEST(HttpLimits, HaveTheirSettings) {
  const auto loaded = app::load_settings(app::CommandLine(), "guide", {});
  ASSERT_TRUE(loaded.ok()) << loaded.error().describe();
  const std::set<std::string_view> no_limits{"http.address",           "http.port",
                                             "http.threads",           "http.unix_mode",
                                             "http.refuse_cross_site", "http.tls_elsewhere"};
  const auto table = rows();
  for (const auto& [key, value] : loaded->values) {
    if (!key.starts_with("http.") || key.starts_with("http.tls.") || no_limits.contains(key))
      continue;
    const auto row = table.find(key);
    if (row == table.end()) {
      ADD_FAILURE() << "no row: " << key;
    } else {
      EXPECT_EQ(row->second.standard, value.reveal()) << key;
    }
  }
  for (const auto& [name, row] : table) {
    if (!name.starts_with("http.")) continue;
    EXPECT_TRUE(loaded->values.contains(name)) << name;
  }
}

TEST(HttpLimits, HaveTheirTests) {
  std::string tests;
  for (const char* module : {"/kit/http", "/kit/net"}) {
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(std::string(KIT_SOURCE_DIR) + module)) {
      if (file.path().filename().string().ends_with("_test.cpp")) tests += read(file.path());
    }
  }
  for (const auto& [name, row] : rows()) {
    EXPECT_FALSE(row.tests.empty()) << name;
    for (const std::string& test : row.tests) {
      const std::size_t dot = test.find('.');
      ASSERT_NE(dot, test.npos) << name << ": " << test;
      const std::string head = "(" + test.substr(0, dot) + ", " + test.substr(dot + 1) + ") {";
      EXPECT_TRUE(tests.find("TEST" + head) != tests.npos ||
                  tests.find("TEST_F" + head) != tests.npos)
          << name << ": there is no " << test;
    }
  }
}

}  // namespace
}  // namespace kit::http
