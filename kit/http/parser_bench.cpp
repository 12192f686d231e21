// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <string_view>

#include "kit/http/parser.hpp"
#include "kit/http/router.hpp"

namespace kit::http {
namespace {

constexpr std::string_view small_request =
    "GET /api/v1/tracks/1666 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
constexpr std::string_view browser_request =
    "GET /api/v1/tracks?genre_id=1&sort=-milliseconds&limit=20 HTTP/1.1\r\n"
    "Host: 127.0.0.1:8080\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: "
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef0123456789abcdef\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Site: none\r\n"
    "Priority: u=0, i\r\n\r\n";

void parse(benchmark::State& state, std::string_view request) {
  const Limits limits;
  RequestParser parser(limits);
  for (auto _ : state) {
    parser.reset();
    benchmark::DoNotOptimize(parser.parse(request));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(request.size()));
}
BENCHMARK_CAPTURE(parse, small, small_request);
BENCHMARK_CAPTURE(parse, browser, browser_request);

Task<Response> nothing(Request&) {
  co_return Response{};
}

void match(benchmark::State& state) {
  Router router;
  for (const char* entity :
       {"albums", "artists", "customers", "employees", "genres", "invoices", "tracks"}) {
    const std::string path = std::string("/api/v1/") + entity;
    if (!router.add(Method::get, path, nothing).ok() ||
        !router.add(Method::get, path + "/{id:int64}", nothing).ok()) {
      state.SkipWithError("the routes are malformed");
    }
  }
  std::vector<std::string_view> parameters;
  std::string scratch;
  for (auto _ : state) {
    parameters.clear();
    benchmark::DoNotOptimize(router.match(Method::get, "/api/v1/tracks/1666", parameters, scratch));
  }
}
BENCHMARK(match);

}  // namespace
}  // namespace kit::http
