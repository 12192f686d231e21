// SPDX-License-Identifier: Apache-2.0
#include "kit/app/access_log.hpp"

#include <array>
#include <atomic>
#include <charconv>
#include <functional>
#include <utility>

#include "kit/base/context.hpp"
#include "kit/http/compression.hpp"
#include "kit/log/levels.hpp"
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

/// Where requests of one kind are counted, which a thread remembers.
struct AccessLog::Numbers {
  std::uint64_t owner = 0;
  const char* route = nullptr;
  http::Method method = http::Method::other;
  int status = 0;
  telemetry::Histogram* durations = nullptr;
  telemetry::Counter* request_bytes = nullptr;
  telemetry::Counter* response_bytes = nullptr;
};

AccessLog::AccessLog(bool write_lines)
    : write_lines_(write_lines),
      id_(next_id.fetch_add(1, std::memory_order_relaxed)),
      durations_(registry_.histograms("http_server_request_duration_seconds",
                                      "How long requests took", {"method", "route", "status"},
                                      telemetry::Buckets::http_seconds())),
      request_bytes_(registry_.counters("http_server_request_body_bytes_total",
                                        "Bytes of bodies that were received", {"method", "route"})),
      response_bytes_(registry_.counters("http_server_response_bytes_total",
                                         "Bytes of answers, with their heads",
                                         {"method", "route"})) {
  registry_.add_counts("http_server_requests_total", "Requests answered", durations_);
  registry_.add_own_metrics();
  registry_.add_reading("log_lines_lost_total", "Log lines that could not be written",
                        [] { return static_cast<double>(log::lost_lines()); });
  registry_.add_reading("log_lines_left_out_total",
                        "Log lines that repeated too often to be written each time",
                        [] { return static_cast<double>(log::left_out_lines()); });
}

const AccessLog::Numbers& AccessLog::numbers(const Finished& finished) {
  // Most requests of a thread are of a few kinds: remember the last of each slot, and look the rest
  // up under the lock of the family. Routes are told apart by the place of their text, which lives
  // as long as the router.
  thread_local std::array<Numbers, 64> slots;
  const http::Request& request = finished.request;
  const char* route = request.route.data();
  const std::size_t mixed = std::hash<const char*>()(route) / 16 +
                            static_cast<std::size_t>(request.method) * 7 +
                            static_cast<std::size_t>(finished.status);
  Numbers& slot = slots[mixed % slots.size()];
  if (slot.owner == id_ && slot.route == route && slot.method == request.method &&
      slot.status == finished.status) {
    return slot;
  }
  std::array<char, 12> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), finished.status).ptr;
  const std::string_view status(digits.data(), static_cast<std::size_t>(end - digits.data()));
  const std::string_view method =
      request.method == http::Method::other ? "OTHER" : http::name(request.method);
  slot = {.owner = id_,
          .route = route,
          .method = request.method,
          .status = finished.status,
          .durations = &durations_.with({method, request.route, status}),
          .request_bytes = &request_bytes_.with({method, request.route}),
          .response_bytes = &response_bytes_.with({method, request.route})};
  return slot;
}

Result<> AccessLog::add_metrics(http::Router& router) const {
  http::Handler answer = [this](http::Request& request) {
    const telemetry::Format format =
        telemetry::choose_format(request.header("Accept").value_or(""));
    http::Response response;
    response.content_type = telemetry::media_type(format);
    response.headers.push_back({"Vary", "Accept"});
    registry_.write(response.body, format);
    return http::answered(std::move(response));
  };
  http::CompressionOptions packing;
  // Every few seconds, and over a short way: what packs fast.
  packing.codings = {http::Coding::gzip};
  packing.gzip_level = 1;
  return router.add(http::Method::get, "/metrics",
                    http::compressed(std::move(answer), std::move(packing)));
}

void AccessLog::on_finished(const Finished& finished) {
  const Numbers& counted = numbers(finished);
  counted.durations->record(finished.duration);
  if (finished.request_bytes > 0) counted.request_bytes->add(finished.request_bytes);
  counted.response_bytes->add(finished.response_bytes);
  const http::Request& request = finished.request;
  // 501 and 505 are what a client asked for; what the guard refused is no failure of ours.
  const bool failed = finished.status >= 500 && finished.error != nullptr && !finished.refused &&
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
