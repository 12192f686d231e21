// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/http/router.hpp"

namespace simulation {

/// What a client's calls go to: knows how often each was served, by the id that it carries.
class Service {
 public:
  /// `fault`: "twice" serves some calls a second time, "answer" changes a byte of some answers.
  explicit Service(std::string_view fault);

  const kit::http::Router& router() const { return router_; }
  std::size_t served(const std::string& id) const;
  int working() const { return working_; }

 private:
  using Serve = kit::Task<kit::http::Response> (Service::*)(kit::http::Request&);
  void add(kit::http::Method method, std::string_view path, Serve serve, bool streams_body = false);
  kit::http::Response text(std::string body);
  void count(const kit::http::Request& request);
  kit::Task<> produce(kit::http::BodyWriter& out, std::size_t size, bool breaks);

  kit::Task<kit::http::Response> whole(kit::http::Request& request);
  kit::Task<kit::http::Response> streamed(kit::http::Request& request);
  kit::Task<kit::http::Response> early(kit::http::Request& request);
  kit::Task<kit::http::Response> large(kit::http::Request& request);
  kit::Task<kit::http::Response> stream(kit::http::Request& request);
  kit::Task<kit::http::Response> wait(kit::http::Request& request);
  kit::Task<kit::http::Response> busy(kit::http::Request& request);
  kit::Task<kit::http::Response> moved(kit::http::Request& request);
  kit::Task<kit::http::Response> empty(kit::http::Request& request);

  std::string_view fault_;
  kit::http::Router router_;
  std::map<std::string, std::size_t, std::less<>> served_;
  std::size_t answers_ = 0;
  int working_ = 0;
};

}  // namespace simulation
