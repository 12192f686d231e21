// SPDX-License-Identifier: Apache-2.0
// How the service runs: what it keeps in memory, and what it does by itself.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "kit/base/cron.hpp"
#include "kit/base/text.hpp"
#include "kitgen/model/detail/context.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;

constexpr std::int64_t second = 1'000;
constexpr std::int64_t day = 86'400 * second;
constexpr std::int64_t most_cached_rows = 1'000'000;

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr std::array<Unit, 4> units{
    {{"ms", 1}, {"s", second}, {"m", 60 * second}, {"h", 3'600 * second}}};

/// "60s", "500ms", "5m", "1h"; nothing for anything else.
std::optional<std::int64_t> parse_milliseconds(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto unit = std::ranges::find(units, text.substr(digits), &Unit::name);
  constexpr std::size_t most_digits = 9;
  if (digits == 0 || digits > most_digits || unit == units.end()) return std::nullopt;
  return *kit::parse_int(text.substr(0, digits)) * unit->milliseconds;
}

/// A length of time between `least` and a day.
std::int64_t read_time(Context& context, const std::optional<Word>& word, const char* key,
                       std::int64_t least, std::int64_t otherwise) {
  if (!word) return otherwise;
  const std::optional<std::int64_t> value = parse_milliseconds(word->text);
  if (value && *value >= least && *value <= day) return *value;
  context.diagnostics.error(*word,
                            in_quotes(key) + " must be a length of time from " +
                                (least < second ? "100ms" : "1s") + " to 24h",
                            "write 60s, 5m or 1h, for example");
  return otherwise;
}

std::string read_missed(Context& context, const std::optional<Word>& word) {
  static constexpr std::array<std::string_view, 3> choices{"once", "skip", "all"};
  if (!word) return "once";
  if (std::ranges::find(choices, word->text) == choices.end()) {
    context.diagnostics.error(
        *word, "'missed' must be 'once', 'skip' or 'all', not " + in_quotes(word->text));
  }
  return word->text;
}

Job build_job(Context& context, const schema::Job& syntax) {
  Job job;
  check_snake_name(context, syntax.name, "job", true);
  job.name = syntax.name.text;
  if (syntax.doc) job.doc = syntax.doc->text;
  if (!syntax.cron) {
    context.diagnostics.error(syntax.name, "job " + in_quotes(job.name) + " does not say when",
                              "write cron: \"0 3 * * *\", for example: at three every night, UTC");
  } else {
    job.cron = syntax.cron->text;
    const auto cron = kit::Cron::parse(job.cron);
    if (!cron) context.diagnostics.error(*syntax.cron, cron.error().message());
  }
  job.missed = read_missed(context, syntax.missed);
  if (syntax.atomic) job.atomic = syntax.atomic->value;
  job.timeout_ms = read_time(context, syntax.timeout, "timeout", second, job.timeout_ms);
  return job;
}

}  // namespace

void build_cache(Context& context, std::size_t entity) {
  const std::optional<schema::Cache>& syntax = context.syntax.entities[entity].cache;
  if (!syntax) return;
  Cache cache;
  if (!syntax->ttl) {
    context.diagnostics.error(syntax->at, "the cache does not say how long it keeps a row",
                              "write cache: {ttl: 60s}, for example");
  }
  cache.ttl_ms = read_time(context, syntax->ttl, "ttl", second, 60 * second);
  cache.negative_ms = read_time(context, syntax->negative, "negative", 100, 0);
  if (syntax->max) {
    const std::optional<long long> value = kit::parse_int(syntax->max->text);
    if (value && *value >= 1 && *value <= most_cached_rows) {
      cache.max = *value;
    } else {
      context.diagnostics.error(*syntax->max, "'max' must be a whole number from 1 to " +
                                                  std::to_string(most_cached_rows));
    }
  }
  context.service.entities[entity].cache = cache;
}

void build_jobs(Context& context) {
  NameScope names;
  for (const schema::Job& syntax : context.syntax.jobs) {
    if (!names.declare(syntax.name.text, syntax.name, "job " + in_quotes(syntax.name.text),
                       context.diagnostics)) {
      continue;
    }
    context.service.jobs.push_back(build_job(context, syntax));
  }
}

}  // namespace kitgen::model
