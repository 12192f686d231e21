// SPDX-License-Identifier: Apache-2.0
// Whatever frames come behind a valid preface: no crash, no hang, no stream or handler left behind.
// The first byte chooses how they are cut into packets and how the client leaves.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "kit/async/operation.hpp"
#include "kit/base/assert.hpp"
#include "kit/http/server.hpp"
#include "kit/testing/memory_network.hpp"

namespace {

using namespace kit::http;
using namespace std::chrono_literals;

int handlers_at_work = 0;

struct AtWork {
  AtWork() { ++handlers_at_work; }
  ~AtWork() { --handlers_at_work; }
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;
};

kit::Task<Response> echo(Request& request) {
  Response response;
  response.body = request.body;
  for (const Header& header : request.headers) response.body.append(header.name) += header.value;
  co_return response;
}

kit::Task<Response> wait(Request&) {
  AtWork at_work;
  co_await kit::sleep_for(3s);
  co_return Response{};
}

kit::Task<Response> count(Request& request) {
  AtWork at_work;
  std::size_t bytes = 0;
  while (true) {
    const std::string_view piece = co_await request.stream->read();
    if (piece.empty()) break;
    bytes += piece.size();
  }
  Response response;
  response.body = std::to_string(bytes);
  co_return response;
}

kit::Task<> write_some(BodyWriter& out) {
  AtWork at_work;
  for (int i = 0; i < 5; ++i) {
    co_await out.write("piece");
    co_await kit::sleep_for(100ms);
  }
}

kit::Task<Response> pieces(Request&) {
  Response response;
  response.stream = stream_from(write_some);
  co_return response;
}

const Router& router() {
  static const Router made = [] {
    Router all;
    RouteOptions upload;
    upload.consumes = {"t"};
    RouteOptions open = upload;
    open.streams_body = true;
    bool added = all.add(Method::get, "/", echo).ok();
    added &= all.add(Method::post, "/", echo, upload).ok();
    added &= all.add(Method::get, "/w", wait).ok();
    added &= all.add(Method::post, "/c", count, open).ok();
    added &= all.add(Method::get, "/p", pieces).ok();
    KIT_ASSERT(added, "the routes are valid");
    return all;
  }();
  return made;
}

ServerOptions options() {
  ServerOptions small;  // so that a fuzzer reaches the limits
  small.limits.header_bytes = 512;
  small.limits.header_count = 8;
  small.limits.request_line_bytes = 64;
  small.limits.body_bytes = 64;
  small.limits.http2_streams = 4;
  small.limits.http2_stream_window = 100;
  small.limits.http2_buffered_bytes = 100;
  small.limits.requests_per_connection = 8;
  return small;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  kit::testing::VirtualLoop loop;
  Server server(router(), options());
  {
    kit::testing::MemoryNetworkOptions network;
    network.one_byte = data[0] % 4 == 0;
    network.capacity = data[0] % 4 == 1 ? 64 : 64 * 1024;
    kit::testing::MemoryClient client(loop, server, network);
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    const std::size_t step = 1 + data[0] / 4;
    while (!input.empty()) {
      client.send(input.substr(0, step));
      input.remove_prefix(std::min(step, input.size()));
      loop.advance(data[0] % 4 == 2 ? 10ms : 0ms);
    }
    loop.advance(data[0] % 4 == 3 ? 100s : 0s);
    if (data[0] % 4 == 3) KIT_ASSERT(server.connections() == 0, "a silent client is let go");
  }
  loop.advance(100s);
  KIT_ASSERT(server.connections() == 0, "the client has gone");
  KIT_ASSERT(handlers_at_work == 0, "no handler is left behind");
  return 0;
}
