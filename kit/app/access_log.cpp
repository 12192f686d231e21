// SPDX-License-Identifier: Apache-2.0
#include "kit/app/access_log.hpp"

#include <array>
#include <atomic>
#include <charconv>
#include <functional>

#include "kit/base/context.hpp"
#include "kit/log/log.hpp"
#include "kit/log/sink.hpp"

namespace kit::app {
namespace {

log::Module http_log{"http"};
std::atomic<std::uint64_t> next_id{1};

/// Makes the request's ids appear on the lines written while it lives.
class RequestLines {
 public:
  explicit RequestLines(const LogContext* context) : before_(current_log_context) {
    if (context != nullptr) current_log_context = context;
  }
  ~RequestLines() { current_log_context = before_; }
  RequestLines(const RequestLines&) = delete;
  RequestLines& operator=(const RequestLines&) = delete;

 private:
  const LogContext* before_;
};

bool is_probe(std::string_view route) {
  return route == "/healthz" || route == "/readyz" || route == "/startupz";
}

}  // namespace

AccessLog::AccessLog(bool write_lines)
    : write_lines_(write_lines),
      id_(next_id.fetch_add(1, std::memory_order_relaxed)),
      requests_(registry_.counters("http_server_requests_total", "Requests answered",
                                   {"method", "route", "status"})) {
  registry_.add_reading("log_lines_lost_total", "Log lines that could not be written",
                        [] { return static_cast<double>(log::lost_lines()); });
}

telemetry::Counter& AccessLog::counter(const Finished& finished) {
  // Most requests of a thread are of a few kinds: remember the last of each slot, and look the rest
  // up under the lock of the family. Routes are told apart by the place of their text, which lives
  // as long as the router.
  struct Slot {
    std::uint64_t owner = 0;
    const char* route = nullptr;
    http::Method method = http::Method::other;
    int status = 0;
    telemetry::Counter* counter = nullptr;
  };
  thread_local std::array<Slot, 64> slots;
  const http::Request& request = finished.request;
  const char* route = request.route.data();
  const std::size_t mixed = std::hash<const char*>()(route) / 16 +
                            static_cast<std::size_t>(request.method) * 7 +
                            static_cast<std::size_t>(finished.status);
  Slot& slot = slots[mixed % slots.size()];
  if (slot.owner == id_ && slot.route == route && slot.method == request.method &&
      slot.status == finished.status) {
    return *slot.counter;
  }
  std::array<char, 12> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), finished.status).ptr;
  const std::string_view status(digits.data(), static_cast<std::size_t>(end - digits.data()));
  const std::string_view method =
      request.method == http::Method::other ? "OTHER" : http::name(request.method);
  telemetry::Counter& found = requests_.with({method, request.route, status});
  slot = {id_, route, request.method, finished.status, &found};
  return found;
}

Result<> AccessLog::add_metrics(http::Router& router) const {
  return router.add(http::Method::get, "/metrics", [this](http::Request&) {
    http::Response response;
    response.content_type = telemetry::text_media_type;
    registry_.write_text(response.body);
    return http::answered(std::move(response));
  });
}

void AccessLog::on_finished(const Finished& finished) {
  counter(finished).add();
  const http::Request& request = finished.request;
  // 501 and 505 are what a client asked for.
  const bool failed = finished.status >= 500 && finished.error != nullptr &&
                      finished.status != 501 && finished.status != 505;
  // Probes come every few seconds for ever; what was no request at all is somebody's garbage, which
  // the metrics count.
  const bool unimportant = is_probe(request.route) || request.target.empty();
  const log::Level level = failed        ? log::Level::error
                           : unimportant ? log::Level::debug
                                         : log::Level::info;
  if ((!write_lines_ && !failed) || !http_log.enabled(level)) return;
  const RequestLines lines(request.log_context);
  // The query is left out: it may carry what people search for.
  if (finished.error != nullptr) {
    log::write(http_log, level, "request",
               {{"method", request.method_name},
                {"path", request.path},
                {"route", request.route},
                {"status", finished.status},
                {"bytes", finished.response_bytes},
                {"duration", finished.duration},
                {"peer", request.peer},
                {"error", *finished.error}});
  } else {
    log::write(http_log, level, "request",
               {{"method", request.method_name},
                {"path", request.path},
                {"route", request.route},
                {"status", finished.status},
                {"bytes", finished.response_bytes},
                {"duration", finished.duration},
                {"peer", request.peer}});
  }
}

}  // namespace kit::app
