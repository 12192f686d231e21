// SPDX-License-Identifier: Apache-2.0
// What a schema says about how the service runs: caches and jobs.
#include <array>

#include "kitgen/schema/detail/node_reader.hpp"

namespace kitgen::schema {
namespace {

constexpr std::array<ForeignWord, 4> foreign_job_words{{
    {"schedule", "write cron"},
    {"every", "write cron: \"*/15 * * * *\" or cron: \"@hourly\""},
    {"deadline", "write timeout"},
    {"description", "write doc"},
}};

constexpr std::array<ForeignWord, 3> foreign_cache_words{{
    {"time_to_live", "write ttl"},
    {"size", "write max"},
    {"max_entries", "write max"},
}};

}  // namespace

Cache read_cache(NodeReader& reader, const Entry& entry) {
  Cache cache;
  cache.at = entry.key;
  const std::array<KeyRule, 3> rules{{
      {"ttl", [&](const Entry& e) { cache.ttl = reader.word(e); }},
      {"negative", [&](const Entry& e) { cache.negative = reader.word(e); }},
      {"max", [&](const Entry& e) { cache.max = reader.word(e); }},
  }};
  reader.map(entry.value, "cache", rules, foreign_cache_words);
  return cache;
}

std::vector<Job> read_jobs(NodeReader& reader, const Entry& entry) {
  std::vector<Job> jobs;
  for (const Entry& each : reader.entries(entry.value, "jobs")) {
    if (each.key.text.empty()) continue;
    Job& job = jobs.emplace_back();
    job.name = each.key;
    const std::array<KeyRule, 5> rules{{
        {"cron", [&](const Entry& e) { job.cron = reader.word(e); }},
        {"doc", [&](const Entry& e) { job.doc = reader.word(e); }},
        {"missed", [&](const Entry& e) { job.missed = reader.word(e); }},
        {"timeout", [&](const Entry& e) { job.timeout = reader.word(e); }},
        {"atomic", [&](const Entry& e) { job.atomic = reader.flag(e); }},
    }};
    reader.map(each.value, "a job", rules, foreign_job_words);
  }
  return jobs;
}

}  // namespace kitgen::schema
