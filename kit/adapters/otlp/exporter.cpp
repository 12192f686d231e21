// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/otlp/exporter.hpp"

#include <algorithm>

#include "kit/adapters/otlp/encode.hpp"
#include "kit/async/operation.hpp"
#include "kit/base/text.hpp"
#include "kit/http/client/url.hpp"
#include "kit/http/compression.hpp"
#include "kit/http/conditional.hpp"
#include "kit/log/log.hpp"
#include "kit/telemetry/registry.hpp"
#include "kit/telemetry/trace_ids.hpp"

namespace kit::otlp {
namespace {

log::Module otlp_log{"otlp"};

/// What is read of an answer, as the specification bounds it.
constexpr std::size_t most_answer_bytes = std::size_t{4} << 20U;

http::ClientOptions client_options(const ExporterOptions& options) {
  http::ClientOptions client;
  client.http2 = http::Http2Use::never;
  client.pool.per_host = 1;
  client.retry.attempts = 0;  // whether to try again is decided here
  client.timeout = options.timeout;
  client.header_timeout = options.timeout;
  client.body_bytes = most_answer_bytes;
  client.propagate_ids = false;
  return client;
}

/// The answers that say "later".
bool is_passing(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

/// What Retry-After asks for: seconds or a date.
std::optional<Clock::duration> asked_pause(const http::Response& answer) {
  const auto value = http::header(answer, "retry-after");
  if (!value) return std::nullopt;
  if (const auto seconds = parse_int(*value); seconds && *seconds >= 0 && *seconds < 86'400) {
    return std::chrono::seconds(*seconds);
  }
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto date = http::parse_http_date(*value, now);
  if (!date) return std::nullopt;
  return std::max<Clock::duration>(*date - now, Clock::duration::zero());
}

Result<std::string> packed(const std::string& body) {
  std::string out;
  const auto compressor = http::make_compressor(http::Coding::gzip, {});
  KIT_TRY(compressor->finish(body, out));
  return out;
}

}  // namespace

Exporter::Exporter(net::Connector& connector, ExporterOptions options)
    : options_(std::move(options)),
      client_(connector, client_options(options_)),
      random_(telemetry::random_id()) {}

Result<std::unique_ptr<Exporter>> Exporter::make(net::Connector& connector,
                                                 ExporterOptions options) {
  auto url = http::Url::parse(options.traces_url);
  if (!url) return invalid("traces_url", "is no http or https URL");
  for (const auto& [name, value] : options.headers) {
    if (name.empty()) return invalid("headers", "has one without a name");
  }
  return std::unique_ptr<Exporter>(new Exporter(connector, std::move(options)));
}

Task<http::Response> Exporter::post(std::string body) {
  http::ClientRequest request;
  request.method = http::Method::post;
  request.url = options_.traces_url;
  request.headers.emplace_back("Content-Type", "application/x-protobuf");
  request.headers.emplace_back("User-Agent", "OTel-OTLP-Exporter-Kit/" KIT_VERSION);
  if (options_.gzip) request.headers.emplace_back("Content-Encoding", "gzip");
  for (const auto& [name, value] : options_.headers) {
    request.headers.emplace_back(name, value.reveal());
  }
  request.body = std::move(body);
  return client_.send(std::move(request));
}

std::optional<Clock::duration> Exporter::pause(const Result<http::Response>& answer,
                                               std::size_t failures) {
  if (failures > options_.retries) return std::nullopt;
  if (answer && !is_passing(answer->status)) return std::nullopt;
  // A malformed header or the like does not get better.
  if (!answer && answer.error().code() == Code::invalid_argument) return std::nullopt;
  if (answer) {
    const auto asked = asked_pause(*answer);
    if (asked && *asked > options_.longest_delay) return std::nullopt;
    if (asked) return asked;
  }
  Clock::duration delay = options_.first_delay;
  for (std::size_t i = 1; i < failures && delay < options_.longest_delay; ++i) delay *= 2;
  delay = std::min<Clock::duration>(delay, options_.longest_delay);
  // Between a half and the whole, so that those that failed together do not come back together.
  random_ = random_ * 6364136223846793005U + 1442695040888963407U;
  const auto half = delay / 2;
  return half + half * static_cast<Clock::rep>(random_ >> 54U) / 1'024;
}

void Exporter::took(const http::Response& response, std::size_t spans) {
  if (std::exchange(is_failing_, false)) log::info(otlp_log, "traces are exported again");
  const auto partial = decode_response(response.body);
  // The answer says no more than how much of it was taken.
  const std::uint64_t rejected = partial
                                     ? static_cast<std::uint64_t>(std::clamp<std::int64_t>(
                                           partial->rejected, 0, static_cast<std::int64_t>(spans)))
                                     : 0;
  if (rejected > 0) {
    log::warn(otlp_log, "the collector refused some spans",
              {{"spans", rejected}, {"says", partial->message}});
  }
  rejected_.fetch_add(rejected, std::memory_order_relaxed);
  exported_.fetch_add(spans - rejected, std::memory_order_relaxed);
}

void Exporter::gave_up(const std::string& why, std::size_t spans) {
  lost_.fetch_add(spans, std::memory_order_relaxed);
  if (std::exchange(is_failing_, true)) return;
  // Without its query, where some collectors want their key.
  const std::string_view url = options_.traces_url;
  log::warn(otlp_log, "traces can't be exported; spans are lost until they can",
            {{"url", url.substr(0, url.find('?'))}, {"why", why}});
}

Task<> Exporter::export_spans(std::span<const std::unique_ptr<telemetry::SpanRecord>> spans) {
  std::string body = encode_traces(spans, options_.resource, since_epoch_of_clock());
  if (options_.gzip) body = co_await packed(body);
  std::size_t failures = 0;
  while (true) {
    Task<http::Response> posting = post(body);
    const Result<http::Response> answer = co_await as_result(std::move(posting));
    const Context* const context = Context::current();
    if (!answer && context != nullptr && context->cancelled()) co_await context->why().clone();
    if (answer && answer->status >= 200 && answer->status < 300) {
      took(*answer, spans.size());
      co_return;
    }
    const auto wait = pause(answer, ++failures);
    if (!wait) {
      gave_up(answer ? "status " + std::to_string(answer->status) : answer.error().describe(),
              spans.size());
      co_return;
    }
    retries_.fetch_add(1, std::memory_order_relaxed);
    Sleep sleep(*wait);
    co_await sleep;
  }
}

Exporter::Numbers Exporter::numbers() const {
  constexpr auto order = std::memory_order_relaxed;
  return {.exported = exported_.load(order),
          .rejected = rejected_.load(order),
          .lost = lost_.load(order),
          .retries = retries_.load(order)};
}

void Exporter::add_metrics(telemetry::Registry& registry) const {
  registry.add_readings(
      "trace_export_spans_total", "Spans that were sent to a collector", {"outcome"}, [this] {
        const Numbers now = numbers();
        return std::vector<telemetry::Reading>{{{"exported"}, static_cast<double>(now.exported)},
                                               {{"rejected"}, static_cast<double>(now.rejected)},
                                               {{"lost"}, static_cast<double>(now.lost)}};
      });
  registry.add_reading("trace_export_retries_total", "Requests to a collector that were sent again",
                       [this] { return static_cast<double>(numbers().retries); });
}

}  // namespace kit::otlp
