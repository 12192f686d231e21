// SPDX-License-Identifier: Apache-2.0
#include "kit/app/detail/requests_html.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <unordered_map>

#include "kit/app/detail/admin_page.hpp"
#include "kit/app/pages.hpp"

namespace kit::app::detail {
namespace {

using telemetry::SpanRecord;
using telemetry::TraceSummary;
using telemetry::TraceTable;

std::string ago(Clock::time_point then, Clock::time_point now) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - then).count();
  if (seconds < 120) return std::to_string(std::max<std::int64_t>(seconds, 0)) + " s ago";
  if (seconds < 7'200) return std::to_string(seconds / 60) + " min ago";
  return std::to_string(seconds / 3'600) + " h ago";
}

std::string link(const TraceSummary& one, std::string_view text) {
  std::string out = "<a href=\"/debug/requests/";
  out.append(telemetry::view(one.trace_id)).append("\">").append(text).append("</a>");
  return out;
}

std::string cell(std::size_t index, const TraceTable::Bucket& bucket) {
  const bool is_failed = index == TraceTable::failed_bucket;
  if (bucket.count == 0) return "<td class=\"number none\">-</td>";
  std::string out = is_failed ? "<td class=\"number failed\"" : "<td class=\"number\"";
  out.append(" data-name=\"").append(html_escape(bucket_name(index))).append("\">");
  if (bucket.examples.empty()) return out.append(std::to_string(bucket.count)).append("</td>");
  out.append("<span class=\"latest\">");
  out.append(link(bucket.examples.front(), std::to_string(bucket.count))).append("</span>");
  for (std::size_t i = 1; i < bucket.examples.size(); ++i) {
    out.append(" ").append(link(bucket.examples[i], "&middot;" + std::to_string(i + 1)));
  }
  return out.append("</td>");
}

std::string recent_row(const TraceSummary& one, Clock::time_point now) {
  std::string out = "<tr><td class=\"name\">";
  out.append(link(one, html_escape(one.name)))
      .append("</td><td class=\"number\" data-name=\"took\">");
  out.append(readable(one.duration)).append("</td><td>").append(ago(one.started, now));
  out.append("</td><td class=\"failed\">").append(one.failed ? "failed" : "").append("</td><td>");
  out.append(one.sampled ? "sampled" : "").append("</td></tr>\n");
  return out;
}

std::string attributes_of(const SpanRecord& span) {
  std::string out = "<dl>";
  const auto add = [&](std::string_view name, std::string_view value) {
    out.append("<dt>").append(html_escape(name)).append("</dt><dd>");
    out.append(html_escape(value)).append("</dd>");
  };
  add("span", telemetry::view(span.span_id));
  add("kind", name(span.kind));
  for (const auto& attribute : span.attributes) {
    add(span.name_of(attribute), shown(span, attribute));
  }
  for (const auto& event : span.events) {
    add("event", "+" + readable(event.at - span.started) + " " + event.name);
  }
  for (const auto& linked : span.links) add("linked trace", telemetry::view(linked.trace_id));
  return out.append("</dl>");
}

std::string percent(double part) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%.2f%%", std::clamp(part, 0.0, 1.0) * 100);
  return text.data();
}

/// What all spans of a trace took together.
struct Extent {
  Clock::time_point begin = Clock::time_point::max();
  Clock::duration length{};
};

Extent extent_of(const telemetry::KeptTrace& trace) {
  Extent extent;
  Clock::time_point end = Clock::time_point::min();
  for (const SpanRecord& span : trace.spans) {
    extent.begin = std::min(extent.begin, span.started);
    end = std::max(end, span.ended);
  }
  extent.length = std::max<Clock::duration>(end - extent.begin, std::chrono::nanoseconds{1});
  return extent;
}

std::string span_row(const PlacedSpan& at, const Extent& extent) {
  const SpanRecord& span = *at.span;
  const auto whole = static_cast<double>(extent.length.count());
  const auto left = static_cast<double>((span.started - extent.begin).count()) / whole;
  const auto width = static_cast<double>((span.ended - span.started).count()) / whole;
  const bool is_failed = span.status == telemetry::SpanStatus::error;
  constexpr std::size_t deepest = 12;
  std::string out = "<div class=\"span\"><details style=\"padding-left:";
  out.append(std::to_string(14 * std::min(at.depth, deepest))).append("px\"><summary class=\"name");
  out.append(is_failed ? " failed" : "").append("\">").append(html_escape(span.name));
  out.append("</summary>").append(attributes_of(span)).append("</details><div class=\"track\"><i");
  out.append(is_failed ? " class=\"failed\"" : "").append(" style=\"left:").append(percent(left));
  out.append(";width:").append(percent(width)).append("\"></i></div><div class=\"time\">");
  return out.append(readable(span.ended - span.started)).append("</div></div>\n");
}

}  // namespace

std::string bucket_name(std::size_t index) {
  if (index == TraceTable::failed_bucket) return "failed";
  if (index == TraceTable::bounds.size()) return "> " + readable(TraceTable::bounds.back());
  return "<= " + readable(TraceTable::bounds[index]);
}

std::string readable(Clock::duration duration) {
  const auto nanoseconds = static_cast<double>(duration.count());
  std::array<char, 32> text{};
  if (nanoseconds < 1e6) {
    std::snprintf(text.data(), text.size(), "%.0f us", nanoseconds / 1e3);
  } else if (nanoseconds < 1e9) {
    std::snprintf(text.data(), text.size(), "%.4g ms", nanoseconds / 1e6);
  } else {
    std::snprintf(text.data(), text.size(), "%.4g s", nanoseconds / 1e9);
  }
  return text.data();
}

std::vector<PlacedSpan> placed(const telemetry::KeptTrace& trace) {
  std::unordered_map<std::string_view, std::vector<const SpanRecord*>> children;
  std::unordered_map<std::string_view, const SpanRecord*> known;
  for (const SpanRecord& span : trace.spans)
    known.try_emplace(telemetry::view(span.span_id), &span);
  std::vector<PlacedSpan> waiting;
  for (const SpanRecord& span : trace.spans) {
    const auto parent = telemetry::view(span.parent_id);
    const auto found = known.find(parent);
    if (!parent.empty() && found != known.end() && found->second != &span) {
      children[parent].push_back(&span);
    } else {
      waiting.push_back({&span, 0});
    }
  }
  std::ranges::reverse(waiting);
  std::vector<PlacedSpan> order;
  while (!waiting.empty()) {
    const PlacedSpan next = waiting.back();
    waiting.pop_back();
    order.push_back(next);
    const auto below = children.find(telemetry::view(next.span->span_id));
    if (below == children.end()) continue;
    for (auto child = below->second.rbegin(); child != below->second.rend(); ++child) {
      waiting.push_back({*child, next.depth + 1});
    }
    children.erase(below);  // an id that is there twice, or a ring, ends here
  }
  return order;
}

std::string list_page(const std::vector<TraceTable::Row>& rows,
                      const std::vector<TraceSummary>& recent, Clock::time_point now) {
  std::string out = admin_page_head("Requests");
  out.append(
      "<h1>Requests</h1><p>Those that are kept: sampled ones, and slow or failed ones that "
      "were not. Each number leads to the latest of its kind.</p>\n<h2>By duration</h2>");
  if (rows.empty()) {
    return out.append("<p>None yet. Send a request, or raise the sampling ratio.</p>")
        .append(admin_page_foot);
  }
  out.append("<table class=\"wide\"><thead><tr><th>Request</th>");
  for (std::size_t i = 0; i < TraceTable::bucket_count; ++i) {
    out.append("<th class=\"number\">").append(html_escape(bucket_name(i))).append("</th>");
  }
  out.append("</tr></thead><tbody>\n");
  for (const TraceTable::Row& row : rows) {
    out.append("<tr><td class=\"name\">").append(html_escape(row.name)).append("</td>");
    for (std::size_t i = 0; i < row.buckets.size(); ++i) out.append(cell(i, row.buckets[i]));
    out.append("</tr>\n");
  }
  out.append(
      "</tbody></table>\n<h2>Recent</h2><table class=\"wide\"><thead><tr><th>Request</th>"
      "<th class=\"number\">Took</th><th>Began</th><th></th><th></th></tr></thead><tbody>\n");
  for (const TraceSummary& one : recent) out.append(recent_row(one, now));
  return out.append("</tbody></table>").append(admin_page_foot);
}

std::string trace_page(std::string_view id, const telemetry::KeptTrace& trace,
                       const std::vector<std::string>& lines, Clock::time_point now) {
  const auto entry = std::ranges::find_if(trace.spans, &SpanRecord::is_entry);
  const Extent extent = extent_of(trace);
  std::string out = admin_page_head("Requests");
  out.append("<p><a href=\"/debug/requests\">All requests</a></p><h1>");
  out.append(entry != trace.spans.end() ? html_escape(entry->name) : "A trace on its way");
  out.append("</h1><p>").append(readable(extent.length)).append(", ");
  out.append(ago(extent.begin, now)).append(", trace <code>").append(html_escape(id));
  out.append("</code></p>\n<h2>Spans</h2>");
  if (entry != trace.spans.end() && !entry->sampled) {
    out.append("<p>It was not sampled: what it did inside was not recorded.</p>");
  }
  for (const PlacedSpan& span : placed(trace)) out.append(span_row(span, extent));
  if (trace.omitted > 0) {
    out.append("<p>").append(std::to_string(trace.omitted)).append(" more were left out.</p>");
  }
  out.append("\n<h2>Log lines</h2>");
  if (lines.empty()) out.append("<p>None are kept.</p>");
  for (const std::string& line : lines) {
    out.append("<pre>").append(html_escape(line)).append("</pre>\n");
  }
  return out.append(admin_page_foot);
}

std::string missing_page(std::string_view id) {
  std::string out = admin_page_head("Requests");
  out.append(
      "<p><a href=\"/debug/requests\">All requests</a></p><h1>This trace is not kept</h1><p>");
  out.append("<code>")
      .append(html_escape(id))
      .append(
          "</code> was not sampled here, or newer ones "
          "have taken its place.</p>");
  return out.append(admin_page_foot);
}

}  // namespace kit::app::detail
