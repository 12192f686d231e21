// SPDX-License-Identifier: Apache-2.0
// The server the harnesses talk to: the real HTTP server on a real socket with a few routes that
// show what arrived. Prints "port N" once it listens.
//
//   kit_conformance_server [--port=0] [--header-timeout-ms=N] ... [--fault=NAME]
//
// `--fault` puts a defect between socket and server (see `FaultyStream`), so that the harnesses can
// show that they would find one.
#include "kit/http/server.hpp"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/net/stream.hpp"

namespace {

using namespace kit;

/// A defect on the way in or out. Every one keeps the number of bytes, so that it needs no state.
class FaultyStream final : public net::Stream {
 public:
  FaultyStream(std::unique_ptr<net::Stream> stream, std::string_view fault)
      : stream_(std::move(stream)), fault_(fault) {}

  net::IoResult read(std::span<char> into) override {
    const net::IoResult result = stream_->read(into);
    if (result.status == net::IoStatus::ok) spoil_input(into.first(result.bytes));
    return result;
  }
  net::IoResult write(std::span<const std::string_view> parts) override {
    if (fault_ != "length") return stream_->write(parts);
    std::string all;
    for (std::string_view part : parts) all += part;
    // A length that is not the body's.
    if (const auto at = all.find("Content-Length: "); at != all.npos) all[at + 16] ^= 1;
    const std::string_view spoilt = all;
    return stream_->write({&spoilt, 1});
  }
  void watch(ReadinessHandler& handler) override { stream_->watch(handler); }
  void shutdown_write() override { stream_->shutdown_write(); }
  void abort() override { stream_->abort(); }
  std::string_view peer() const override { return stream_->peer(); }

 private:
  void spoil_input(std::span<char> bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      // What a lenient server does: takes NUL for a blank, joins folded lines, takes any version.
      if (fault_ == "nul" && bytes[i] == '\0') bytes[i] = ' ';
      if (fault_ == "fold" && i >= 2 && bytes[i] == ' ' && bytes[i - 1] == '\n') {
        bytes[i - 1] = bytes[i - 2] = ' ';
      }
    }
  }

  std::unique_ptr<net::Stream> stream_;
  std::string_view fault_;
};

class FaultyAccept final : public net::AcceptHandler {
 public:
  FaultyAccept(http::Server& server, std::string_view fault) : server_(server), fault_(fault) {}
  void on_accept(std::unique_ptr<net::Stream> stream) override {
    server_.on_accept(std::make_unique<FaultyStream>(std::move(stream), fault_));
  }

 private:
  http::Server& server_;
  std::string_view fault_;
};

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

http::Response text(std::string body) {
  http::Response response;
  response.content_type = "text/plain";
  response.body = std::move(body);
  return response;
}

/// What arrived, in a form that no byte of it can break.
Task<http::Response> echo(http::Request& request) {
  std::string body = "method=" + std::string(request.method_name) + " path=" + hex(request.path) +
                     " query=" + hex(request.query);
  if (const auto value = request.header("x-test")) body += " test=" + hex(*value);
  body += " length=" + std::to_string(request.body.size()) + " body=" + hex(request.body) + "\n";
  co_return text(std::move(body));
}

Task<http::Response> slow(http::Request& request) {
  co_await sleep_for(std::chrono::milliseconds(100));
  co_return text("slow " + std::string(request.query));
}

http::Handler status_only(int status) {
  return [status](http::Request&) -> Task<http::Response> {
    http::Response response;
    response.status = status;
    response.headers = {{"ETag", "\"1\""}};
    response.body = "must not be sent";
    return http::answered(std::move(response));
  };
}

Task<http::Response> big(http::Request&) {
  static const std::string bytes(1 << 20, 'b');
  http::Response response;
  response.content_type = "application/octet-stream";
  response.static_body = bytes;
  co_return response;
}

/// As many pieces of ten bytes as the query says, some of them later.
Task<> produce(http::BodyWriter& out, int pieces) {
  for (int i = 0; i < pieces; ++i) {
    if (i % 8 == 7) co_await sleep_for(std::chrono::milliseconds(1));
    co_await out.write("0123456789");
  }
}

Task<http::Response> stream(http::Request& request) {
  http::Response response = text({});
  const int pieces = std::atoi(std::string(request.query).c_str());
  response.stream =
      http::stream_from([pieces](http::BodyWriter& out) { return produce(out, pieces); });
  co_return response;
}

/// Reads the body as it arrives.
Task<http::Response> count(http::Request& request) {
  std::size_t bytes = 0;
  while (true) {
    const std::string_view piece = co_await request.stream->read();
    if (piece.empty()) break;
    bytes += piece.size();
  }
  co_return text("counted " + std::to_string(bytes));
}

Task<http::Response> failing(http::Request&) {
  co_return Error(Code::internal, "this handler fails");
}

Task<http::Response> splitting(http::Request&) {
  http::Response response = text("ok");
  response.headers = {{"Location", "/a\r\nSet-Cookie: evil=1"}, {"X-Nul", std::string("a\0b", 3)}};
  co_return response;
}

Result<> add_routes(http::Router& router) {
  using http::Method;
  http::RouteOptions takes_text;
  takes_text.consumes = {"text/plain"};
  KIT_TRY(
      router.add(Method::get, "/", [](http::Request&) { return http::answered(text("hello")); }));
  for (const Method method :
       {Method::get, Method::post, Method::put, Method::patch, Method::delete_}) {
    KIT_TRY(router.add(method, "/echo", echo, takes_text));
    KIT_TRY(router.add(method, "/echo/{rest:path}", echo, takes_text));
  }
  KIT_TRY(router.add(Method::get, "/status/204", status_only(204)));
  KIT_TRY(router.add(Method::get, "/status/304", status_only(304)));
  KIT_TRY(router.add(Method::get, "/big", big));
  KIT_TRY(router.add(Method::get, "/slow", slow));
  KIT_TRY(router.add(Method::get, "/fail", failing));
  KIT_TRY(router.add(Method::get, "/stream", stream));
  http::RouteOptions streams = takes_text;
  streams.streams_body = true;
  KIT_TRY(router.add(Method::post, "/count", count, streams));
  return router.add(Method::get, "/splitting", splitting);
}

/// The options of the command line, "--name=value".
class Flags {
 public:
  Flags(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
      const std::string_view argument = argv[i];
      const auto equals = argument.find('=');
      if (!argument.starts_with("--") || equals == argument.npos) {
        std::fprintf(stderr, "not --name=value: %s\n", argv[i]);
        std::exit(2);
      }
      values_[std::string(argument.substr(2, equals - 2))] = argument.substr(equals + 1);
    }
  }
  std::string text(const std::string& name) {
    auto node = values_.extract(name);
    return node.empty() ? std::string() : std::move(node.mapped());
  }
  template <class T>
  void number(const std::string& name, T& into) {
    const std::string given = text(name);
    if (!given.empty()) into = T(std::strtoll(given.c_str(), nullptr, 10));
  }
  /// What nothing has asked for is a mistake of the caller.
  void expect_empty() const {
    for (const auto& [name, value] : values_) {
      std::fprintf(stderr, "unknown option --%s\n", name.c_str());
      std::exit(2);
    }
  }

 private:
  std::map<std::string, std::string> values_;
};

void read_limits(Flags& flags, http::Limits& limits) {
  flags.number("connections", limits.connections);
  flags.number("connections-per-peer", limits.connections_per_peer);
  flags.number("requests-per-connection", limits.requests_per_connection);
  flags.number("header-timeout-ms", limits.header_timeout);
  flags.number("body-timeout-ms", limits.body_timeout);
  flags.number("idle-timeout-ms", limits.idle_timeout);
  flags.number("write-timeout-ms", limits.write_timeout);
  flags.number("handler-timeout-ms", limits.handler_timeout);
}

int serve(Flags& flags) {
  http::Server::Options options;
  net::ListenOptions where;
  flags.number("port", where.port);
  read_limits(flags, options.limits);
  const std::string fault = flags.text("fault");
  flags.expect_empty();
  auto loop = make_epoll_loop();
  http::Router router;
  Result<> routes = add_routes(router);
  if (!loop || !routes) return 1;
  http::Server server(router, options);
  FaultyAccept faulty(server, fault);
  std::unique_ptr<net::Listener> listener;
  where.backlog = 4096;
  (*loop)->post([&] {
    auto made = fault.empty() ? net::listen_tcp(where, server) : net::listen_tcp(where, faulty);
    if (!made) {
      std::fprintf(stderr, "%s\n", made.error().message().c_str());
      std::exit(1);
    }
    listener = std::move(*made);
    std::printf("port %d\n", listener->port());
    std::fflush(stdout);
  });
  (*loop)->run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags(argc, argv);
  return serve(flags);
}
