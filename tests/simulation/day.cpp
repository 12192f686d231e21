// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/day.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"
#include "kit/base/assert.hpp"
#include "kit/http/server.hpp"
#include "tests/simulation/client.hpp"
#include "tests/simulation/drive.hpp"

namespace simulation {
namespace {

using namespace std::chrono_literals;
using namespace kit;

/// A wait that nothing ends: the fault "stuck".
class Never final : public Operation<void> {
 public:
  ~Never() = default;

 private:
  void start() override {}
  void detach() override {}
};

class Day {
 public:
  Day(std::uint64_t seed, std::string_view fault) : chance_(seed), fault_(fault) {}

  Report live() {
    add_routes();
    http::Server::Options options;
    // Quiet: the errors of /fail are this program's own.
    options.observer = &observer_;
    options.limits.requests_per_connection = static_cast<std::uint32_t>(chance_.between(3, 40));
    options.limits.pipelined_bytes = chance_.between(1, 64 * 1024);
    server_.emplace(router_, options);
    for (std::size_t i = chance_.between(1, 8); i > 0; --i) {
      clients_.push_back(std::make_unique<Client>(chance_.seed(), "c" + std::to_string(i)));
    }
    if (std::string problem = drive(loop_, run()); !problem.empty()) {
      return fail(std::move(problem));
    }
    return judge();
  }

 private:
  /// A handler at work.
  class Working {
   public:
    explicit Working(int& count) : count_(count) { ++count_; }
    ~Working() { --count_; }
    Working(const Working&) = delete;
    Working& operator=(const Working&) = delete;

   private:
    int& count_;
  };

  static http::Response text(std::string body) {
    http::Response response;
    response.content_type = "text/plain";
    response.body = std::move(body);
    return response;
  }
  static std::size_t number(std::string_view digits) {
    std::size_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  }

  Task<http::Response> echo(http::Request& request) {
    Working working(working_);
    std::string body = std::string(request.method_name) + " " + std::string(request.target) + " ";
    body += request.body;
    if (fault_ == "byte" && ++served_ % 4 == 0) body[body.size() / 2] ^= 1;
    if (fault_ == "leak" && ++served_ % 4 == 0) ++working_;
    co_return text(std::move(body));
  }

  Task<http::Response> wait(http::Request& request) {
    Working working(working_);
    // The view must still be what it was after the wait.
    const std::string before(request.query);
    Sleep pause{std::chrono::milliseconds(number(request.query))};
    co_await pause;
    if (request.query != before) co_return text("the request has changed");
    co_return text("waited " + before);
  }

  Task<http::Response> large(http::Request& request) {
    Working working(working_);
    co_return text(pattern(number(request.query)));
  }

  /// Pieces of many sizes, at once or later.
  Task<> produce(http::BodyWriter& out, std::size_t size, bool breaks) {
    Working working(working_);
    const std::string all = pattern(size);
    for (std::size_t at = 0; at < size;) {
      const std::size_t count = std::min(size - at, 1 + (at * 31 + size) % 4000);
      co_await out.write(std::string_view(all).substr(at, count));
      at += count;
      if (at % 3 == 0) {
        Sleep pause{std::chrono::milliseconds(at % 50)};
        co_await pause;
      }
    }
    if (breaks) co_await Error(Code::internal, "this stream breaks");
  }

  Task<http::Response> stream(http::Request& request) {
    Working working(working_);
    http::Response response = text({});
    const bool breaks = request.path == "/breaks";
    response.stream =
        http::stream_from([this, size = number(request.query), breaks](http::BodyWriter& out) {
          return produce(out, size, breaks);
        });
    co_return response;
  }

  Task<http::Response> count(http::Request& request) {
    Working working(working_);
    std::string all;
    while (true) {
      const std::string_view piece = co_await request.stream->read();
      if (piece.empty()) break;
      all += piece;
      if (all.size() % 5 != 0) continue;
      Sleep pause{std::chrono::milliseconds(all.size() % 20)};
      co_await pause;
    }
    co_return text(digest(all));
  }

  Task<http::Response> fails(http::Request&) {
    Working working(working_);
    co_return Error(Code::internal, "this handler fails");
  }

  Task<http::Response> empty(http::Request&) {
    Working working(working_);
    http::Response response;
    response.status = 204;
    co_return response;
  }

  void add(http::Method method, std::string_view path,
           Task<http::Response> (Day::*serve)(http::Request&), bool streams_body = false) {
    http::RouteOptions options;
    options.streams_body = streams_body;
    options.consumes = {"text/plain"};
    http::Handler handler = [this, serve](http::Request& request) {
      return (this->*serve)(request);
    };
    const Result<> added = router_.add(method, path, std::move(handler), std::move(options));
    KIT_ASSERT(added.ok(), path);
  }

  void add_routes() {
    add(http::Method::get, "/echo/{rest:path}", &Day::echo);
    add(http::Method::post, "/echo/{rest:path}", &Day::echo);
    add(http::Method::get, "/wait", &Day::wait);
    add(http::Method::get, "/large", &Day::large);
    add(http::Method::get, "/stream", &Day::stream);
    add(http::Method::get, "/breaks", &Day::stream);
    add(http::Method::post, "/count", &Day::count, true);
    add(http::Method::get, "/fail", &Day::fails);
    add(http::Method::get, "/empty", &Day::empty);
  }

  Task<> serve_client(Client& client) {
    Sleep late(chance_.up_to(3s));
    co_await late;
    co_await client.run(loop_, *server_);
  }

  /// The clients come and go; on half of the days the server stops while they are there.
  Task<> run() {
    TaskGroup group("clients");
    for (auto& client : clients_) group.spawn(serve_client(*client));
    drains_ = chance_.once_in(2);
    if (drains_) {
      hard_ = chance_.once_in(2);
      Sleep until(chance_.up_to(8s));
      co_await until;
      if (chance_.once_in(2)) {
        server_->close_after_answers();
        Sleep lameduck(chance_.up_to(2s));
        co_await lameduck;
      }
      // Longer than any handler, body or answer may take, or not.
      const auto limit = hard_ ? chance_.up_to(3s) : 100s;
      co_await server_->drain(limit);
      left_after_drain_ = server_->connections();
    }
    if (fault_ == "stuck") {
      Never never;
      co_await never;
    }
    // Sometimes the clients' tasks are cancelled where they stand.
    if (chance_.once_in(8)) {
      group.cancel();
      cancelled_ = true;
    }
    Task<> joining = group.join();
    const Result<> joined = co_await as_result(std::move(joining));
    if (!joined.ok() && !cancelled_) co_await joined.error().clone();
    if (!cancelled_) left_after_limits_ = server_->connections();
    for (auto& client : clients_) {
      std::string problem = client->check(drains_, hard_ || cancelled_);
      if (!problem.empty() && problem_.empty()) problem_ = std::move(problem);
    }
    // What still waits in a handler ends here, at the latest.
    co_await server_->drain(100s);
    Sleep orphans(10s);
    co_await orphans;
  }

  Report judge() {
    if (!problem_.empty()) return fail(std::move(problem_));
    if (left_after_drain_ != 0) return fail("connections are left after the drain");
    if (left_after_limits_ != 0) return fail("connections are left after every limit has passed");
    if (server_->connections() != 0) return fail("connections are left at the end");
    if (working_ != 0) return fail(std::to_string(working_) + " handlers are left");
    server_.reset();
    if (loop_.timer_count() != 0) return fail("timers are left");
    return report();
  }

  Report report() const {
    Report report;
    report.clients = clients_.size();
    for (const auto& client : clients_) {
      report.requests += client->requests();
      report.answers += client->answers();
      report.cut += client->cut() ? 1 : 0;
    }
    return report;
  }
  Report fail(std::string problem) const {
    Report failed = report();
    failed.problem = std::move(problem);
    return failed;
  }

  Chance chance_;
  std::string_view fault_;
  testing::VirtualLoop loop_;
  http::Router router_;
  SilentObserver observer_;
  int working_ = 0;
  int served_ = 0;
  bool drains_ = false;
  bool hard_ = false;
  bool cancelled_ = false;
  std::size_t left_after_drain_ = 0;
  std::size_t left_after_limits_ = 0;
  std::string problem_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::optional<http::Server> server_;
};

}  // namespace

Report live_through(std::uint64_t seed, std::string_view fault) {
  Day day(seed, fault);
  return day.live();
}

}  // namespace simulation
