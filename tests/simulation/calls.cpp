// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/calls.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kit/async/live.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"
#include "kit/http/client/client.hpp"
#include "kit/http/client/statistics.hpp"
#include "kit/http/server.hpp"
#include "tests/simulation/call.hpp"
#include "tests/simulation/client.hpp"
#include "tests/simulation/drive.hpp"
#include "tests/simulation/service.hpp"

namespace simulation {
namespace {

using namespace std::chrono_literals;
using namespace kit;

class CallsDay {
 public:
  CallsDay(std::uint64_t seed, std::string_view fault)
      : chance_(seed),
        fault_(fault),
        troubled_(chance_.once_in(2)),
        network_(loop_, chance_.seed(), troubled_),
        service_(fault) {}

  Report live() {
    open();
    for (std::size_t i = chance_.between(1, 16); i > 0; --i) calls_.push_back(make_call(i));
    if (std::string problem = drive(loop_, run()); !problem.empty()) {
      return fail(std::move(problem));
    }
    return judge();
  }

 private:
  void open() {
    http::ServerOptions options;
    options.observer = &observer_;
    options.limits.requests_per_connection = static_cast<std::uint32_t>(chance_.between(1, 20));
    if (troubled_) options.limits.idle_timeout = 1ms + chance_.up_to(2s);
    server_.emplace(service_.router(), options);
    network_.server = &*server_;
    http::ClientOptions client;
    client.statistics = statistics_;
    http2_ = chance_.once_in(2);
    if (http2_) client.http2 = http::Http2Use::prior_knowledge;
    client.retry.attempts = chance_.between(0, 3);
    client.retry.seed = chance_.seed() | 1;
    client.pool.per_host = per_host_ = chance_.between(1, 5);
    client.pool.idle = chance_.between(0, 4);
    if (chance_.once_in(3)) client.pool.age = chance_.up_to(3s);
    if (chance_.once_in(3)) client.pool.idle_timeout = chance_.up_to(1s);
    if (troubled_ && chance_.once_in(4)) client.pool.waiters = chance_.between(0, 3);
    if (troubled_ && chance_.once_in(3)) client.header_timeout = 1ms + chance_.up_to(3s);
    if (troubled_ && chance_.once_in(3)) client.read_timeout = 1ms + chance_.up_to(3s);
    if (troubled_ && chance_.once_in(4)) client.write_timeout = 1ms + chance_.up_to(3s);
    if (troubled_ && chance_.once_in(4)) client.connect_timeout = 1ms + chance_.up_to(2s);
    client_.emplace(network_, std::move(client));
  }

  Call make_call(std::size_t index) {
    Call call;
    call.id = "call-" + std::to_string(index);
    call.delay = chance_.up_to(2s);
    call.options.stream = chance_.once_in(2);
    const std::size_t size = chance_.between(0, chance_.once_in(8) ? 150'000 : 5000);
    const std::string digits = std::to_string(size);
    switch (chance_.between(0, 9)) {
      case 0:
      case 1:
      case 2:
        send_body(call, size);
        break;
      case 3:
        call.method = http::Method::delete_;
        call.target = "/empty";
        call.status = 204;
        break;
      case 4:
        call.target = "/stream?" + digits;
        call.body = pattern(size);
        break;
      case 5:
        call.target = "/breaks?" + digits;
        call.body = pattern(size);
        call.breaks = true;
        break;
      case 6:
        call.method = chance_.once_in(2) ? http::Method::get : http::Method::post;
        call.target = "/wait?" + std::to_string(chance_.between(0, 400));
        call.body = "waited " + call.target.substr(6);
        break;
      case 7:
        call.target = "/busy?" + std::to_string(chance_.between(0, 3));
        call.body = "now";
        call.may_be_busy = true;
        break;
      case 8:
        call.target = "/moved?" + digits;
        call.body = pattern(size);
        call.options.redirects = 1;
        break;
      default:
        call.target = "/large?" + digits;
        call.method = chance_.once_in(3) ? http::Method::head : http::Method::get;
        if (call.method == http::Method::get) call.body = pattern(size);
    }
    add_trouble(call);
    return call;
  }

  void send_body(Call& call, std::size_t size) {
    call.method = chance_.once_in(2) ? http::Method::put : http::Method::post;
    call.sends = true;
    call.size = size;
    call.in_pieces = chance_.once_in(2);
    call.states_size = chance_.once_in(2);
    call.target = chance_.once_in(2) ? "/whole" : "/streamed";
    call.body = digest(pattern(size));
    if (call.method == http::Method::put) return;
    call.options.idempotent = chance_.once_in(3);
    if (!chance_.once_in(4)) return;
    call.target = "/early";
    call.body = "early";
  }

  void add_trouble(Call& call) {
    if (chance_.once_in(8)) call.patience = 1ms + chance_.up_to(1s);
    if (chance_.once_in(8)) call.cancel_after = 1ms + chance_.up_to(1s);
    if (chance_.once_in(8)) call.drop_after = 1ms + chance_.up_to(1s);
    if (call.options.stream && chance_.once_in(5)) call.reads_only = chance_.between(1, 3000);
  }

  http::ClientRequest request_of(const Call& call) {
    http::ClientRequest request;
    request.method = call.method;
    request.url = "http://service" + call.target;
    request.headers.emplace_back("X-Call", call.id);
    if (!call.sends) return request;
    request.headers.emplace_back("Content-Type", "text/plain");
    if (call.in_pieces) {
      request.stream = std::make_unique<Pieces>(chance_.seed(), call.size, call.states_size);
    } else {
      request.body = pattern(call.size);
    }
    return request;
  }

  /// All of a streamed answer, or what the caller wants of it.
  Task<std::string> read(http::BodyReader& body, const Call& call) {
    std::string all;
    while (call.reads_only == 0 || all.size() < call.reads_only) {
      if (chance_.once_in(5)) {
        Sleep pause(chance_.up_to(20ms));
        co_await pause;
      }
      const std::string_view piece = co_await body.read();
      if (piece.empty()) break;
      all += piece;
    }
    co_return all;
  }

  /// Sends, reads and judges. Lifetime: `call` until it has ended.
  Task<> send(const Call& call) {
    Task<http::Response> sending = client_->send(request_of(call), call.options);
    if (call.patience > 0ms) sending = with_deadline(call.patience, std::move(sending));
    auto response = co_await as_result(std::move(sending));
    if (!response.ok()) co_return judge_error(call, response.error());
    std::string body = std::move(response->body);
    if (response->stream) {
      auto reading = co_await as_result(read(*response->stream, call));
      if (!reading.ok()) co_return judge_error(call, reading.error());
      body = std::move(*reading);
    }
    judge_answer(call, response->status, body);
  }

  /// The same under a context that is cancelled when the caller has had enough.
  Task<> send_until(const Call& call) {
    Context own;
    Timer enough(
        [](void* context) {
          static_cast<Context*>(context)->cancel(Error(Code::cancelled, "enough"));
        },
        &own);
    if (call.cancel_after > 0ms) loop_.start(enough, loop_.now() + call.cancel_after);
    Context::Scope scope(own);
    co_await send(call);
    scope.leave();
  }

  Task<> perform(const Call& call) {
    Sleep late(call.delay);
    co_await late;
    if (!client_) co_return;
    ++begun_;
    if (call.drop_after == 0ms) {
      co_await send_until(call);
      co_return;
    }
    std::optional<Task<>> dropped(send_until(call));
    bool ended = false;
    ended = dropped->start([](void* flag) { *static_cast<bool*>(flag) = true; }, &ended);
    Sleep pause(call.drop_after);
    co_await pause;
    dropped.reset();
  }

  void say(const Call& call, const std::string& what) {
    if (problem_.empty()) problem_ = call.id + " " + call.target + ": " + what;
  }

  void judge_error(const Call& call, const Error& error) {
    ++failed_;
    switch (error.code()) {
      case Code::unavailable:
      case Code::deadline_exceeded:
      case Code::cancelled:
      case Code::resource_exhausted:
        break;
      default:
        return say(call, error.describe());
    }
    // The server speaks HTTP whatever happens: what does not look so was read out of step.
    // Only who is turned away before a word is told so in HTTP/1.1.
    const bool turned_away = http2_ && drains_;
    if ((error.reason() == "MALFORMED_RESPONSE" && !turned_away) ||
        error.reason() == "RESPONSE_TOO_LARGE") {
      return say(call, error.describe());
    }
    if (troubled_ || drains_ || call.impatient() || call.breaks) return;
    say(call, "failed without a reason: " + error.describe());
  }

  void judge_answer(const Call& call, int status, const std::string& body) {
    const bool hurried = call.impatient() || troubled_;
    if ((status == 504 || status == 408) && hurried) return;
    if (status == 503 && (call.may_be_busy || drains_)) return;
    if (status != call.status) return say(call, "status " + std::to_string(status));
    const bool part = call.reads_only > 0 && body.size() >= call.reads_only;
    if (part ? !call.body.starts_with(body) : body != call.body) {
      return say(call, "a wrong body of " + std::to_string(body.size()) + " bytes");
    }
    if (call.breaks && !part) return say(call, "looks whole, and its stream broke");
    if (service_.served(call.id) == 0) return say(call, "answered, and nobody served it");
    ++answers_;
  }

  /// Whatever happens, a host never has more connections than it may.
  void look_at_pool() {
    const auto all = statistics_->total();
    if (all.busy + all.idle > static_cast<std::int64_t>(per_host_) && problem_.empty()) {
      problem_ = "more connections than the pool may have";
    }
  }

  Task<> run() {
    TaskGroup group("calls");
    for (const Call& call : calls_) group.spawn(perform(call));
    drains_ = troubled_ && chance_.once_in(3);
    const bool leaves = chance_.once_in(4);
    for (int step = 0; step < 8; ++step) {
      Sleep pause(chance_.up_to(600ms));
      co_await pause;
      look_at_pool();
      // The client goes while calls are under way: those are finished.
      if (leaves && step == 4) client_.reset();
      if (drains_ && step == 6) co_await server_->drain(chance_.up_to(2s));
    }
    co_await group.join();
    look_at_pool();
    client_.reset();
    const auto all = statistics_->total();
    if (all.idle + all.busy + all.waiters != 0) problem_ = "the pool counts what is gone";
    // What still waits in a handler ends here, at the latest.
    Sleep orphans(70s);
    co_await orphans;
    if (server_->connections() != 0) problem_ = "the server has connections that nobody holds";
    co_await server_->drain(100s);
  }

  Report judge() {
    if (!problem_.empty()) return fail(problem_);
    for (const Call& call : calls_) {
      const std::size_t served = service_.served(call.id);
      if (call.once() && served > 1) {
        return fail(call.id + " was served " + std::to_string(served) + " times");
      }
    }
    for (const LiveCount& count : live_counts()) {
      if (count.name == "http_client_connections" && count.live != 0) return fail("a listed leak");
    }
    if (service_.working() != 0) return fail("handlers are left");
    server_.reset();
    if (loop_.timer_count() != 0) return fail("timers are left");
    return report();
  }

  Report report() const {
    Report report;
    report.calls = begun_;
    report.call_answers = answers_;
    report.failed_calls = failed_;
    return report;
  }
  Report fail(std::string problem) const {
    Report failed = report();
    failed.problem = std::move(problem);
    return failed;
  }

  Chance chance_;
  std::string_view fault_;
  bool troubled_;
  testing::VirtualLoop loop_;
  Network network_;
  Service service_;
  SilentObserver observer_;
  std::shared_ptr<http::ClientStatistics> statistics_ = std::make_shared<http::ClientStatistics>();
  std::size_t per_host_ = 0;
  bool http2_ = false;
  bool drains_ = false;
  std::size_t begun_ = 0, answers_ = 0, failed_ = 0;
  std::string problem_;
  std::vector<Call> calls_;
  std::optional<http::Server> server_;
  std::optional<http::Client> client_;
};

}  // namespace

Report call_through(std::uint64_t seed, std::string_view fault) {
  CallsDay day(seed, fault);
  return day.live();
}

}  // namespace simulation
