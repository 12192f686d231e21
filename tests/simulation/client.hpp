// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/testing/memory_network.hpp"
#include "tests/simulation/chance.hpp"

namespace simulation {

/// What one request has to be answered with.
struct Expected {
  std::string request_id;
  int status = 200;
  std::string body;
  bool head = false;
  bool checks_body = true;  ///< Refusals say what they say.
  bool ends = false;        ///< The answer closes the connection.
  bool breaks = false;      ///< The answer must not look whole.
};

/// A client with a script: requests in random pieces at random times, and on some days it pauses,
/// half-closes, resets or goes away in the middle.
class Client {
 public:
  /// `name` is part of every request's id.
  Client(std::uint64_t seed, std::string name);

  /// Plays the script, then waits until the server has closed.
  kit::Task<> run(kit::testing::VirtualLoop& loop, kit::net::AcceptHandler& server);

  /// Compares what came with what had to come; empty: right. `draining`: the server stopped before
  /// the script ended; `hard`: without waiting for what it had begun.
  std::string check(bool draining, bool hard);

  std::size_t requests() const { return expected_.size(); }
  std::size_t answers() const { return answers_; }
  bool cut() const { return cut_; }

 private:
  struct Action {
    enum class Kind : unsigned char { send, pause, resume, half_close, reset, vanish };
    std::chrono::milliseconds delay{0};
    Kind kind = Kind::send;
    std::string bytes;
  };

  void write_script();
  /// Appends a request; false: nothing may come after it.
  bool add_request(std::string& bytes);
  bool add_special(std::size_t kind, const std::string& fields, std::string& bytes,
                   Expected& expected);
  bool add_stream(std::size_t kind, const std::string& fields, std::string& bytes,
                  Expected& expected);
  void add_framed(const std::string& body, std::string& bytes);
  void add_body(const std::string& fields, std::string& bytes, Expected& expected);
  void cut_up(const std::string& bytes);
  void add_trouble();
  void perform(const Action& action);

  Chance chance_;
  std::string name_;
  kit::testing::MemoryNetworkOptions network_;
  std::vector<Action> script_;
  std::vector<Expected> expected_;
  std::unique_ptr<kit::testing::MemoryClient> connection_;
  std::string received_;
  bool troubled_ = false;  // the script or the network may end the connection early
  bool vanished_ = false;
  bool closed_ = false;
  bool played_ = false;
  std::size_t answers_ = 0;
  bool cut_ = false;
};

/// The bytes of the routes /large and /stream: different at every place and for every size.
std::string pattern(std::size_t size);
/// Tells bytes apart: what the route /count answers.
std::string digest(std::string_view bytes);

}  // namespace simulation
