// SPDX-License-Identifier: Apache-2.0
// The third gate of every case: its code is compiled, its migrations go up and down, its routes are
// served, and what its section `run` asks is answered as it says.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "case_database.hpp"
#include "case_file.hpp"
#include "compiled_case.hpp"
#include "conversation.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/csv/csv.hpp"
#include "kit/http/client/client.hpp"
#include "kit/http/server.hpp"
#include "kit/net/connect.hpp"
#include "kit/net/listen.hpp"

namespace kitgen::golden {
namespace {

namespace fs = std::filesystem;
using kit::Result;
using kit::Task;

/// Answer headers that say something about the generated code.
constexpr std::string_view shown_headers[] = {"ETag", "Location", "Allow", "Content-Disposition"};

kit::http::ClientRequest to_request(const Step& step, const Names& names,
                                    const std::string& origin) {
  using kit::http::Method;
  kit::http::ClientRequest request;
  for (const Method method :
       {Method::get, Method::head, Method::post, Method::put, Method::patch, Method::delete_}) {
    if (kit::http::name(method) == step.verb) request.method = method;
  }
  request.url = origin + names.to_wire(step.target);
  request.body = names.to_wire(step.body);
  for (const auto& [name, value] : step.headers)
    request.headers.emplace_back(name, names.to_wire(value));
  const auto is_type = [](const auto& header) { return header.first == "Content-Type"; };
  if (!request.body.empty() && std::ranges::none_of(request.headers, is_type))
    request.headers.emplace_back("Content-Type", "application/json");
  return request;
}

std::string in_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.append("| ").append(text.substr(0, end)).append("\n");
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string to_text(const kit::http::Response& response, const std::string& origin, Names& names) {
  const std::string type(kit::http::header(response, "Content-Type").value_or(""));
  const bool is_json = type.starts_with("application/json") || type.empty();
  std::string text = "-> " + std::to_string(response.status);
  std::string body = names.to_file(response.body);
  if (is_json && !body.empty()) text += " " + layout(body, 3);
  text += "\n";
  for (const std::string_view shown : shown_headers) {
    const auto value = kit::http::header(response, shown);
    if (!value) continue;
    std::string content(*value);
    if (content.starts_with(origin)) content.erase(0, origin.size());
    text.append("   ").append(shown).append(": ").append(names.to_file(content)).append("\n");
  }
  if (!is_json) text += "   Content-Type: " + type + "\n" + in_lines(body);
  return text;
}

/// A case's service behind a server of its own, and a client of it.
class Stage {
 public:
  Stage(const CompiledCase& compiled, kit::db::Database& database)
      : compiled_(compiled), database_(database), folder_(database_folder()) {}

  static fs::path database_folder() {
    return fs::path(::testing::TempDir()) / ("kit_golden_" + std::to_string(::getpid()));
  }

  /// The section as it has to be. Fails when something goes wrong before anything is asked.
  Task<std::string> play(std::vector<Step> steps) {
    std::string own(compiled_.migrations);
    if (database_.dialect() != kit::db::Dialect::sqlite)
      own.append("/").append(name(database_.dialect()));
    const std::vector<kit::db::Migration> migrations = co_await kit::db::read_migrations(own);
    kit::db::Migrator migrator(database_, migrations);
    co_await migrator.up();
    co_await migrator.down(static_cast<std::uint32_t>(migrations.size()));
    co_await migrator.up();
    service_ = compiled_.make_service(database_);
    kit::http::Router router;
    co_await service_->add_routes(router);
    kit::http::ServerOptions options;
    kit::http::Server server(router, options);
    kit::net::ListenOptions listen;
    const std::unique_ptr<kit::net::Listener> listener =
        co_await kit::net::listen_tcp(listen, server);
    const std::string origin = "http://127.0.0.1:" + std::to_string(listener->port());
    kit::net::Resolver resolver;
    const auto connector = kit::net::make_connector(resolver, nullptr);
    kit::http::ClientOptions client_options;
    kit::http::Client client(*connector, client_options);
    co_await list_all(client, origin);
    std::string text;
    for (const Step& step : steps) {
      if (!text.empty()) text += "\n";
      text += step.text;
      if (step.verb.empty()) continue;
      if (step.verb == "IMPORT" || step.verb == "EXPORT") {
        text += co_await move_rows(step);
        continue;
      }
      kit::http::ClientRequest request = to_request(step, names_, origin);
      const kit::http::Response response = co_await client.send(std::move(request));
      text += to_text(response, origin, names_);
    }
    co_return text;
  }

 private:
  /// Every entity has a list, which is empty.
  Task<> list_all(kit::http::Client& client, const std::string& origin) {
    std::size_t index = 0;
    for (const kit::app::EntityInfo& entity : service_->entities()) {
      const std::int64_t rows = co_await service_->count(index++);
      const kit::http::Response response = co_await client.get(origin + std::string(entity.path));
      if (rows == 0 && response.status == 200 && response.body.starts_with(R"({"items":[])"))
        continue;
      Result<> problem = kit::Error(kit::Code::internal, std::string(entity.path) + " answered " +
                                                             std::to_string(response.status) + " " +
                                                             response.body);
      co_await std::move(problem);
    }
  }

  kit::db::ImportTarget* target(std::string_view name) const {
    for (const auto& each : service_->imports()) {
      if (each->name() == name) return each.get();
    }
    return nullptr;
  }

  Task<std::string> move_rows(const Step& step) {
    kit::db::ImportTarget* found = target(step.target);
    if (found == nullptr) co_return "-> there is no import " + step.target + "\n";
    if (step.verb == "IMPORT") co_return co_await import_rows(*found, names_.to_wire(step.body));
    co_return co_await export_rows(*found);
  }

  Task<std::string> import_rows(kit::db::ImportTarget& into, std::string rows) {
    const fs::path file = folder_ / "rows.csv";
    write_file(file, rows);
    kit::db::ImportOptions options;
    const kit::db::ImportReport report =
        co_await kit::db::import_file(database_, into, file.string(), std::move(options));
    std::string text = "-> " + std::to_string(report.inserted) + " inserted, " +
                       std::to_string(report.updated) + " updated, " +
                       std::to_string(report.unchanged) + " unchanged\n";
    for (const kit::db::RowProblem& problem : report.problems) {
      text += "   line " + std::to_string(problem.line) + ", " + problem.column + ": " +
              problem.description + "\n";
    }
    co_return text;
  }

  Task<std::string> export_rows(kit::db::ImportTarget& from) {
    std::string rows;
    std::vector<kit::csv::Field> header(from.columns().begin(), from.columns().end());
    kit::csv::write_record(rows, header);
    auto sink = [&](std::span<const kit::csv::Field> fields) -> Result<> {
      kit::csv::write_record(rows, fields);
      return {};
    };
    const std::unique_ptr<kit::db::Transaction> session = co_await database_.begin_read();
    co_await from.each(*session, sink);
    co_return "->\n" + in_lines(names_.to_file(std::move(rows)));
  }

  const CompiledCase& compiled_;
  kit::db::Database& database_;
  fs::path folder_;
  std::unique_ptr<kit::app::Service> service_;
  Names names_;
};

Result<std::string> play(const CompiledCase& compiled, std::vector<Step> steps) {
  const fs::path folder = Stage::database_folder();
  fs::remove_all(folder);
  fs::create_directories(folder);
  auto loop = kit::make_epoll_loop();
  if (!loop) return std::move(loop).error();
  auto database = open_empty(folder);
  if (!database) return std::move(database).error();
  Result<std::string> seen = "";
  {
    Stage stage(compiled, **database);
    seen = kit::run(**loop, stage.play(std::move(steps)));
  }
  fs::remove_all(folder);
  return seen;
}

class GoldenRun : public ::testing::TestWithParam<CompiledCase> {};

TEST_P(GoldenRun, answers) {
  const std::vector<Case> cases = read_cases();
  const auto found = std::ranges::find(cases, GetParam().name, &Case::name);
  ASSERT_NE(found, cases.end()) << "the program is older than the cases: build it again";
  Case seen = *found;
  const std::string* run = found->find("run");
  const Result<std::string> text =
      play(GetParam(), run == nullptr ? std::vector<Step>() : read_conversation(*run));
  ASSERT_TRUE(text.ok()) << text.error().describe();
  for (Section& section : seen.sections) {
    if (section.title == "run") section.text = *text;
  }
  if (is_updating() && !has_server()) write_file(found->path, seen.to_text());
  EXPECT_EQ(read_file(found->path), seen.to_text())
      << found->path << " differs; UPDATE_GOLDENS=1 accepts the new answers";
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenRun, ::testing::ValuesIn(compiled_cases()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(GoldenRuns, are_many) {
  const std::vector<Case> cases = read_cases();
  const auto runs =
      std::ranges::count_if(cases, [](const Case& each) { return each.find("run") != nullptr; });
  std::printf("%zu cases compiled, %td of them asked\n", compiled_cases().size(), runs);
  EXPECT_EQ(compiled_cases().size(), cases.size());
  EXPECT_GE(runs, 50);
}

}  // namespace
}  // namespace kitgen::golden
