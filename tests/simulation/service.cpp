// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/service.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/base/assert.hpp"
#include "tests/simulation/client.hpp"

namespace simulation {
namespace {

using namespace kit;

/// A handler at work.
class Working {
 public:
  explicit Working(int& count) : count_(count) { ++count_; }
  ~Working() { --count_; }
  Working(const Working&) = delete;
  Working& operator=(const Working&) = delete;

 private:
  int& count_;
};

std::size_t number(std::string_view digits) {
  std::size_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

}  // namespace

Service::Service(std::string_view fault) : fault_(fault) {
  using http::Method;
  add(Method::post, "/whole", &Service::whole);
  add(Method::put, "/whole", &Service::whole);
  add(Method::post, "/streamed", &Service::streamed, true);
  add(Method::put, "/streamed", &Service::streamed, true);
  add(Method::post, "/early", &Service::early, true);
  add(Method::get, "/large", &Service::large);
  add(Method::get, "/stream", &Service::stream);
  add(Method::get, "/breaks", &Service::stream);
  add(Method::get, "/wait", &Service::wait);
  add(Method::post, "/wait", &Service::wait);
  add(Method::get, "/busy", &Service::busy);
  add(Method::get, "/moved", &Service::moved);
  add(Method::delete_, "/empty", &Service::empty);
}

void Service::add(http::Method method, std::string_view path, Serve serve, bool streams_body) {
  http::RouteOptions options;
  options.streams_body = streams_body;
  options.consumes = {"text/plain"};
  http::Handler handler = [this, serve](http::Request& request) { return (this->*serve)(request); };
  const Result<> added = router_.add(method, path, std::move(handler), std::move(options));
  KIT_ASSERT(added.ok(), path);
}

std::size_t Service::served(const std::string& id) const {
  const auto there = served_.find(id);
  return there == served_.end() ? 0 : there->second;
}

void Service::count(const http::Request& request) {
  std::size_t& count = served_[std::string(request.header("x-call").value_or(""))];
  ++count;
  if (fault_ == "twice" && served_.size() % 4 == 0) ++count;
}

http::Response Service::text(std::string body) {
  if (fault_ == "answer" && !body.empty() && ++answers_ % 4 == 0) body[body.size() / 2] ^= 1;
  http::Response response;
  response.content_type = "text/plain";
  response.body = std::move(body);
  return response;
}

Task<http::Response> Service::whole(http::Request& request) {
  Working working(working_);
  count(request);
  co_return text(digest(request.body));
}

Task<http::Response> Service::streamed(http::Request& request) {
  Working working(working_);
  count(request);
  std::string all;
  while (true) {
    const std::string_view piece = co_await request.stream->read();
    if (piece.empty()) break;
    all += piece;
    if (all.size() % 7 != 0) continue;
    Sleep pause{std::chrono::milliseconds(all.size() % 20)};
    co_await pause;
  }
  co_return text(digest(all));
}

/// Answers before the end of the body, or before its beginning.
Task<http::Response> Service::early(http::Request& request) {
  Working working(working_);
  count(request);
  co_return text("early");
}

Task<http::Response> Service::large(http::Request& request) {
  Working working(working_);
  count(request);
  co_return text(pattern(number(request.query)));
}

Task<> Service::produce(http::BodyWriter& out, std::size_t size, bool breaks) {
  Working working(working_);
  const std::string all = pattern(size);
  for (std::size_t at = 0; at < size;) {
    const std::size_t bytes = std::min(size - at, 1 + (at * 31 + size) % 4000);
    co_await out.write(std::string_view(all).substr(at, bytes));
    at += bytes;
    if (at % 3 != 0) continue;
    Sleep pause{std::chrono::milliseconds(at % 20)};
    co_await pause;
  }
  if (breaks) co_await Error(Code::internal, "this stream breaks");
}

Task<http::Response> Service::stream(http::Request& request) {
  Working working(working_);
  count(request);
  http::Response response = text({});
  const bool breaks = request.path == "/breaks";
  response.stream =
      http::stream_from([this, size = number(request.query), breaks](http::BodyWriter& out) {
        return produce(out, size, breaks);
      });
  co_return response;
}

Task<http::Response> Service::wait(http::Request& request) {
  Working working(working_);
  count(request);
  const std::string before(request.query);
  Sleep pause{std::chrono::milliseconds(number(request.query))};
  co_await pause;
  co_return text("waited " + before);
}

/// Has time only for those who come again.
Task<http::Response> Service::busy(http::Request& request) {
  Working working(working_);
  count(request);
  const std::string id(request.header("x-call").value_or(""));
  http::Response response = text("now");
  if (served(id) <= number(request.query)) {
    response.status = 503;
    response.headers.emplace_back("Retry-After", "0");
  }
  co_return response;
}

Task<http::Response> Service::moved(http::Request& request) {
  Working working(working_);
  count(request);
  http::Response response = text("elsewhere");
  response.status = 302;
  response.headers.emplace_back("Location", "/large?" + std::string(request.query));
  co_return response;
}

Task<http::Response> Service::empty(http::Request& request) {
  Working working(working_);
  count(request);
  http::Response response;
  response.status = 204;
  co_return response;
}

}  // namespace simulation
