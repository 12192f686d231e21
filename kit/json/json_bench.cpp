// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include "kit/json/reader.hpp"
#include "kit/json/writer.hpp"

namespace {

/// 124 bytes as JSON, like the struct of the measurements behind the design.
struct Track {
  std::int64_t id = 1666;
  std::string name = "Dazed And Confused";
  std::int64_t album_id = 137;
  std::int64_t genre_id = 1;
  std::int64_t milliseconds = 1612329;
  std::int64_t bytes = 52490554;
  bool active = true;
};

void write(const Track& track, std::string& out) {
  kit::json::Writer writer(out);
  writer.begin_object();
  writer.member("id", track.id);
  writer.member("name", track.name);
  writer.member("album_id", track.album_id);
  writer.member("genre_id", track.genre_id);
  writer.member("milliseconds", track.milliseconds);
  writer.member("bytes", track.bytes);
  writer.member("active", track.active);
  writer.end_object();
}

bool read(std::string_view text, Track& track) {
  kit::json::Reader reader(text);
  if (!reader.begin_object()) return false;
  while (auto key = reader.next_key()) {
    if (*key == "id") {
      track.id = reader.try_int64().value_or(0);
    } else if (*key == "name") {
      track.name = reader.try_string().value_or("");
    } else if (*key == "album_id") {
      track.album_id = reader.try_int64().value_or(0);
    } else if (*key == "genre_id") {
      track.genre_id = reader.try_int64().value_or(0);
    } else if (*key == "milliseconds") {
      track.milliseconds = reader.try_int64().value_or(0);
    } else if (*key == "bytes") {
      track.bytes = reader.try_int64().value_or(0);
    } else if (*key == "active") {
      track.active = reader.try_bool().value_or(false);
    } else {
      reader.skip_value();
    }
  }
  return reader.finish();
}

void write_struct(benchmark::State& state) {
  Track track;
  std::string out;
  while (state.KeepRunning()) {
    out.clear();
    write(track, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["bytes"] = static_cast<double>(out.size());
}
BENCHMARK(write_struct);

void read_struct(benchmark::State& state) {
  std::string text;
  write(Track(), text);
  Track track;
  while (state.KeepRunning()) benchmark::DoNotOptimize(read(text, track));
}
BENCHMARK(read_struct);

void write_long_text(benchmark::State& state) {
  std::string text(10'000, 'x');
  std::string out;
  while (state.KeepRunning()) {
    out.clear();
    kit::json::Writer(out).string(text);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * 10'000);
}
BENCHMARK(write_long_text);

}  // namespace
