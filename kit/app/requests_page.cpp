// SPDX-License-Identifier: Apache-2.0
#include "kit/app/requests_page.hpp"

#include <utility>

#include "kit/app/detail/admin_page.hpp"
#include "kit/app/detail/requests_html.hpp"
#include "kit/json/writer.hpp"
#include "kit/log/sink.hpp"

namespace kit::app {
namespace {

using telemetry::KeptTrace;
using telemetry::SpanRecord;
using telemetry::TraceSummary;
using telemetry::TraceTable;

/// Microseconds of a time that another clock would show: of the wall.
Timestamp wall(Clock::time_point at) {
  const auto before = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - at);
  return Timestamp{Timestamp::now().since_epoch - before};
}

std::chrono::microseconds microseconds(Clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration);
}

void write(json::Writer& writer, const TraceSummary& one) {
  writer.begin_object();
  writer.member("trace_id", telemetry::view(one.trace_id));
  writer.member("span_id", telemetry::view(one.span_id));
  writer.member("name", one.name);
  writer.member("started", wall(one.started));
  writer.member("duration", microseconds(one.duration));
  writer.member("failed", one.failed);
  writer.member("sampled", one.sampled);
  writer.end_object();
}

std::string list_json(const std::vector<TraceTable::Row>& rows,
                      const std::vector<TraceSummary>& recent) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  writer.member("requests");
  writer.begin_array();
  for (const TraceTable::Row& row : rows) {
    writer.begin_object();
    writer.member("name", row.name);
    writer.member("buckets");
    writer.begin_array();
    for (std::size_t i = 0; i < row.buckets.size(); ++i) {
      writer.begin_object();
      writer.member("of", detail::bucket_name(i));
      writer.member("count", row.buckets[i].count);
      writer.member("examples");
      writer.begin_array();
      for (const TraceSummary& one : row.buckets[i].examples) write(writer, one);
      writer.end_array();
      writer.end_object();
    }
    writer.end_array();
    writer.end_object();
  }
  writer.end_array();
  writer.member("recent");
  writer.begin_array();
  for (const TraceSummary& one : recent) write(writer, one);
  writer.end_array();
  writer.end_object();
  out.push_back('\n');
  return out;
}

void write(json::Writer& writer, const SpanRecord& span) {
  writer.begin_object();
  writer.member("span_id", telemetry::view(span.span_id));
  writer.member("parent_id", telemetry::view(span.parent_id));
  writer.member("name", span.name);
  writer.member("kind", name(span.kind));
  writer.member("started", wall(span.started));
  writer.member("duration", microseconds(span.ended - span.started));
  writer.member("failed", span.status == telemetry::SpanStatus::error);
  writer.member("attributes");
  writer.begin_object();
  for (const auto& attribute : span.attributes) {
    writer.key(span.name_of(attribute));
    writer.string(shown(span, attribute));
  }
  writer.end_object();
  writer.end_object();
}

std::string trace_json(std::string_view id, const KeptTrace& trace,
                       const std::vector<std::string>& lines) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  writer.member("trace_id", id);
  writer.member("omitted", trace.omitted);
  writer.member("spans");
  writer.begin_array();
  for (const detail::PlacedSpan& placed : detail::placed(trace)) write(writer, *placed.span);
  writer.end_array();
  writer.member("lines");
  writer.begin_array();
  for (const std::string& line : lines) writer.string(line);
  writer.end_array();
  writer.end_object();
  out.push_back('\n');
  return out;
}

http::Response answer(std::string body, bool as_json, int status = 200) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  response.content_type = as_json ? "application/json" : "text/html; charset=utf-8";
  // No script, nothing from elsewhere; bars have their width as a style.
  response.headers.emplace_back("Content-Security-Policy", std::string(detail::admin_page_policy));
  return response;
}

}  // namespace

bool wants_json(std::string_view accept) {
  return accept.contains("application/json") && !accept.contains("text/html");
}

RequestsPage::RequestsPage(telemetry::SpanProcessor& spans, const RecentLines* lines,
                           BlockingPool& pool)
    : spans_(spans), lines_(lines), pool_(pool) {}

Result<> RequestsPage::add_routes(http::Router& router) {
  KIT_TRY(router.add(http::Method::get, "/debug/requests", [this](http::Request& request) {
    return list(wants_json(request.header("accept").value_or("")));
  }));
  return router.add(http::Method::get, "/debug/requests/{trace}", [this](http::Request& request) {
    return trace(std::string(request.path_parameters.front()),
                 wants_json(request.header("accept").value_or("")));
  });
}

Task<http::Response> RequestsPage::list(bool as_json) {
  auto render = [this, as_json] {
    spans_.collect();
    const auto rows = spans_.table().rows();
    const auto recent = spans_.table().recent();
    return as_json ? list_json(rows, recent) : detail::list_page(rows, recent, Clock::now());
  };
  std::string body = co_await blocking(pool_, std::move(render));
  co_return answer(std::move(body), as_json);
}

Task<http::Response> RequestsPage::trace(std::string id, bool as_json) {
  auto render = [this, id, as_json]() -> std::pair<std::string, int> {
    spans_.collect();
    const auto kept = spans_.table().find(id);
    if (!kept) {
      return {as_json ? std::string("{\"error\":\"this trace is not kept\"}\n")
                      : detail::missing_page(id),
              404};
    }
    std::vector<std::string> lines;
    if (lines_ != nullptr) {
      log::flush();  // those that were logged just now
      lines = lines_->of_trace(id);
    }
    return {
        as_json ? trace_json(id, *kept, lines) : detail::trace_page(id, *kept, lines, Clock::now()),
        200};
  };
  std::pair<std::string, int> rendered = co_await blocking(pool_, std::move(render));
  co_return answer(std::move(rendered.first), as_json, rendered.second);
}

}  // namespace kit::app
