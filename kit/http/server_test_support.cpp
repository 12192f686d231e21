// SPDX-License-Identifier: Apache-2.0
#include "kit/http/server_test_support.hpp"

#include <stdexcept>

namespace kit::http {
namespace {

using namespace std::chrono_literals;

Task<Response> hello(Request&) {
  Response response;
  response.content_type = "text/plain";
  response.body = "hello";
  co_return response;
}

Task<Response> echo(Request& request) {
  Response response;
  response.content_type = "text/plain";
  response.body = std::string(request.method_name) + " " + std::string(request.path) +
                  " q=" + std::string(request.query) + " body=" + std::string(request.body) +
                  " peer=" + std::string(request.peer) + " route=" + std::string(request.route);
  for (std::string_view parameter : request.path_parameters)
    response.body += " p=" + std::string(parameter);
  if (auto header = request.header("x-test")) response.body += " x=" + std::string(*header);
  co_return response;
}

Task<Response> slow_echo(Request& request) {
  co_await sleep_for(1s);
  Response response;
  response.body = "slow " + std::string(request.target) + " " + std::string(request.body) + " " +
                  std::string(request.header("host").value_or("none"));
  co_return response;
}

Task<Response> fails(Request& request) {
  if (request.query == "throw") throw std::runtime_error("secret exception");
  if (request.query == "late") co_await sleep_for(10ms);
  if (request.query == "invalid")
    co_return invalid("email", "is not an e-mail address").with_reason("EMAIL_INVALID");
  if (request.query == "conflict") {
    co_return Error(Code::failed_precondition, "in use")
        .with_reason("GENRE_IN_USE_VIOLATION")
        .with_http_status(409);
  }
  co_return Error(Code::internal, "secret message").with_reason("SECRET_REASON");
}

}  // namespace

void ServerTest::add_routes() {
  auto add = [&](Method method, std::string_view path_template, Handler handler,
                 RouteOptions route = {}) {
    ASSERT_TRUE(router.add(method, path_template, std::move(handler), std::move(route)).ok());
  };
  RouteOptions json;
  json.consumes = {"application/json", "text/plain"};
  RouteOptions small = json;
  small.max_body_bytes = 10;
  RouteOptions large = json;
  large.max_body_bytes = 8 * 1024 * 1024;
  RouteOptions patient;
  patient.timeout = 100s;
  add(Method::get, "/", hello);
  add(Method::get, "/echo/{id}", echo);
  add(Method::post, "/echo", echo, json);
  add(Method::post, "/small", echo, small);
  add(
      Method::post, "/large",
      [](Request& request) -> Task<Response> {
        Response response;
        response.body = std::to_string(request.body.size());
        co_return response;
      },
      large);
  add(Method::get, "/slow", slow_echo);
  add(Method::post, "/slow", slow_echo, json);
  add(Method::get, "/fails", fails);
  add(Method::get, "/throws",
      [](Request&) -> Task<Response> { throw std::logic_error("secret logic"); });
  auto stuck = [this](Request&) -> Task<Response> {
    ++started;
    handler_budget = Context::current_deadline() - loop.now();
    auto wait = sleep_for(1h);
    auto slept = co_await as_result(wait);
    ++finished;
    if (!slept.ok()) cancelled_with = std::string(name(slept.error().code()));
    co_return Response{};
  };
  add(Method::get, "/stuck", stuck);
  add(Method::get, "/patient", stuck, patient);
  add(Method::get, "/big", [this](Request&) -> Task<Response> {
    Response response;
    response.body = big;
    co_return response;
  });
  add(Method::get, "/static", [this](Request&) -> Task<Response> {
    Response response;
    response.static_body = big;
    co_return response;
  });
  add(Method::get, "/headers", [](Request&) -> Task<Response> {
    Response response;
    response.headers = {{"Location", "/a\r\nSet-Cookie: evil=1"},
                        {"Bad Name", "x"},
                        {"Content-Length", "99"},
                        {"X-Ok", "a\tb"}};
    co_return response;
  });
  add(Method::get, "/empty", [](Request& request) -> Task<Response> {
    Response response;
    response.status = request.query == "304" ? 304 : request.query == "99" ? 99 : 204;
    response.body = "must not be sent";
    co_return response;
  });
}

}  // namespace kit::http
