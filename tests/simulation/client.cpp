// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/client.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kit/async/operation.hpp"
#include "tests/simulation/answers.hpp"

namespace simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 6> malformed = {
    "GET / HTTP/1.1\n\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "G\x01T / HTTP/1.1\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
    "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
};

std::string hex(std::size_t number) {
  std::string text;
  do {
    text.insert(text.begin(), "0123456789abcdef"[number % 16]);
    number /= 16;
  } while (number != 0);
  return text;
}

}  // namespace

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    text[i] = static_cast<char>('!' + (i * 7 + i / 251 + size) % 90);
  }
  return text;
}

std::string digest(std::string_view bytes) {
  std::uint64_t sum = 0;
  for (const char c : bytes) sum = sum * 31 + static_cast<unsigned char>(c);
  return std::to_string(bytes.size()) + " " + std::to_string(sum);
}

Client::Client(std::uint64_t seed, std::string name) : chance_(seed), name_(std::move(name)) {
  network_.seed = chance_.seed();
  if (chance_.once_in(2)) network_.most_moved = chance_.between(1, 3000);
  if (chance_.once_in(2)) network_.most_delay = chance_.up_to(200ms);
  if (chance_.once_in(3)) {
    // Few bytes in flight that each take their time are too few for the server's patience.
    const bool slow = network_.most_delay > 0ms;
    network_.capacity = slow ? chance_.between(8'000, 40'000) : chance_.between(1, 5000);
  }
  if (chance_.once_in(6)) {
    network_.breaks_after = chance_.between(1, 30'000);
    troubled_ = true;
  }
  write_script();
}

void Client::write_script() {
  const std::size_t count = chance_.between(1, 12);
  std::string bytes;
  bool goes_on = true;
  for (std::size_t i = 0; i < count && goes_on; ++i) {
    goes_on = add_request(bytes);
    // Several requests in one piece: pipelining.
    if (chance_.once_in(3)) cut_up(std::exchange(bytes, {}));
  }
  cut_up(bytes);
  if (chance_.once_in(4)) add_trouble();
}

bool Client::add_request(std::string& bytes) {
  Expected expected;
  expected.request_id = name_ + "-" + std::to_string(expected_.size());
  const std::string fields =
      " HTTP/1.1\r\nHost: simulation\r\nX-Request-Id: " + expected.request_id + "\r\n";
  const std::size_t kind = chance_.between(0, 29);
  bool goes_on = true;
  if (kind < 4) {
    const std::string path = "/echo/" + hex(chance_.seed());
    bytes += "GET " + path + fields + "\r\n";
    expected.body = "GET " + path + " ";
  } else if (kind < 10) {
    add_body(fields, bytes, expected);
  } else if (kind < 12) {
    const std::string ms = std::to_string(chance_.between(0, 4000));
    bytes += "GET /wait?" + ms + fields + "\r\n";
    expected.body = "waited " + ms;
  } else if (kind < 15) {
    const std::size_t size = chance_.between(0, chance_.once_in(4) ? 200'000 : 5000);
    expected.head = chance_.once_in(4);
    bytes +=
        (expected.head ? "HEAD /large?" : "GET /large?") + std::to_string(size) + fields + "\r\n";
    expected.body = pattern(size);
  } else if (kind < 24) {
    goes_on = add_special(kind, fields, bytes, expected);
  } else {
    goes_on = add_stream(kind, fields, bytes, expected);
  }
  expected_.push_back(std::move(expected));
  return goes_on;
}

bool Client::add_special(std::size_t kind, const std::string& fields, std::string& bytes,
                         Expected& expected) {
  switch (kind) {
    case 15:
    case 16:
      bytes += "GET /fail" + fields + "\r\n";
      expected.status = 500;
      expected.checks_body = false;
      return true;
    case 17:
    case 18:
      bytes += "GET /empty" + fields + "\r\n";
      expected.status = 204;
      return true;
    case 19:
      bytes += "GET /nothing" + fields + "\r\n";
      expected.status = 404;
      expected.checks_body = false;
      return true;
    case 20:  // longer than a handler may take
      bytes += "GET /wait?7000" + fields + "\r\n";
      expected.status = 504;
      expected.checks_body = false;
      break;
    case 21:
      bytes += malformed[chance_.between(0, malformed.size() - 1)];
      expected.status = 400;
      expected.request_id.clear();
      expected.checks_body = false;
      break;
    case 22:
      bytes += "GET /echo/last" + fields + "Connection: close\r\n\r\n";
      expected.body = "GET /echo/last ";
      break;
    default:
      bytes += "GET /wait?10 HTTP/1.0\r\nX-Request-Id: " + expected.request_id + "\r\n\r\n";
      expected.body = "waited 10";
      break;
  }
  expected.ends = true;
  return false;
}

/// Bodies that come in pieces.
bool Client::add_stream(std::size_t kind, const std::string& fields, std::string& bytes,
                        Expected& expected) {
  const std::size_t least = kind == 24 ? 1 : 0;
  const std::size_t size =
      chance_.once_in(8) ? least : chance_.between(1, chance_.once_in(4) ? 60'000 : 3000);
  const std::string body = pattern(size);
  if (kind == 24) {
    bytes += "GET /breaks?" + std::to_string(size) + fields + "\r\n";
    expected.body = body;
    expected.breaks = true;
    return false;
  }
  if (kind < 27) {
    bytes += "GET /stream?" + std::to_string(size) + fields + "\r\n";
    expected.body = body;
    return true;
  }
  bytes += "POST /count" + fields + "Content-Type: text/plain\r\n";
  add_framed(body, bytes);
  expected.body = digest(body);
  return true;
}

void Client::add_body(const std::string& fields, std::string& bytes, Expected& expected) {
  const std::string body = pattern(chance_.between(0, chance_.once_in(4) ? 40'000 : 600));
  expected.body = "POST /echo/body " + body;
  bytes += "POST /echo/body" + fields + "Content-Type: text/plain\r\n";
  add_framed(body, bytes);
}

/// With a length, or in chunks.
void Client::add_framed(const std::string& body, std::string& bytes) {
  if (chance_.once_in(2)) {
    bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    return;
  }
  bytes += "Transfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t size = std::min(body.size() - at, chance_.between(1, 9000));
    bytes +=
        hex(size) + (chance_.once_in(4) ? ";a=b" : "") + "\r\n" + body.substr(at, size) + "\r\n";
    at += size;
  }
  bytes += chance_.once_in(3) ? "0\r\nX-Trailer: t\r\n\r\n" : "0\r\n\r\n";
}

void Client::cut_up(const std::string& bytes) {
  std::size_t left = chance_.between(1, 6);
  for (std::size_t at = 0; at < bytes.size(); --left) {
    const std::size_t size = left <= 1 ? bytes.size() - at : chance_.between(1, bytes.size() - at);
    Action& action = script_.emplace_back();
    action.delay = chance_.once_in(2) ? 0ms : chance_.up_to(300ms);
    action.bytes = bytes.substr(at, size);
    at += size;
  }
}

/// Something goes wrong somewhere in the script.
void Client::add_trouble() {
  using Kind = Action::Kind;
  const auto kind = static_cast<Kind>(chance_.between(1, 5));
  const std::size_t at = chance_.between(0, script_.size());
  const auto place = script_.begin() + static_cast<std::ptrdiff_t>(at);
  Action action;
  action.kind = kind == Kind::resume ? Kind::pause : kind;
  action.delay = chance_.up_to(1s);
  if (action.kind != Kind::pause) {
    troubled_ = true;
    script_.insert(place, std::move(action));
    return;
  }
  // Within the server's patience, or past it.
  const bool too_long = chance_.once_in(3);
  troubled_ |= too_long;
  script_.insert(place, std::move(action));
  Action& resume = script_.emplace_back();
  resume.kind = Kind::resume;
  resume.delay = too_long ? 40s + chance_.up_to(60s) : chance_.up_to(4s);
}

void Client::perform(const Action& action) {
  if (vanished_) return;
  switch (action.kind) {
    case Action::Kind::send:
      return connection_->send(action.bytes);
    case Action::Kind::pause:
      return connection_->pause_reading(true);
    case Action::Kind::resume:
      return connection_->pause_reading(false);
    case Action::Kind::half_close:
      return connection_->half_close();
    case Action::Kind::reset:
      vanished_ = true;
      return connection_->reset();
    case Action::Kind::vanish:
      vanished_ = true;
      received_ = connection_->received();
      connection_.reset();
  }
}

kit::Task<> Client::run(kit::testing::VirtualLoop& loop, kit::net::AcceptHandler& server) {
  connection_ = std::make_unique<kit::testing::MemoryClient>(loop, server, network_);
  for (const Action& action : script_) {
    kit::Sleep pause(action.delay);
    co_await pause;
    perform(action);
  }
  played_ = true;
  // By now the server's own limits (idle: 60 s) have to end the connection.
  kit::Sleep rest(200s);
  co_await rest;
}

std::string Client::check(bool draining, bool hard) {
  if (connection_) {
    received_ = connection_->received();
    closed_ = connection_->closed();
    connection_.reset();
  }
  const bool may_be_cut = troubled_ || hard || !played_;
  AnswerReader reader(received_);
  Answer answer;
  std::size_t index = 0;
  bool ended = false;
  auto say = [&](const std::string& what) {
    return name_ + ", answer " + std::to_string(index) + ": " + what;
  };
  for (; index < expected_.size() && !ended; ++index) {
    const Expected& expected = expected_[index];
    const auto step = reader.next(expected.head, answer);
    if (step == AnswerReader::Step::malformed) return say(reader.problem());
    if (step == AnswerReader::Step::incomplete) {
      cut_ = !reader.rest().empty();
      if (cut_ && !may_be_cut && !expected.breaks) return say("is not whole");
      if (expected.checks_body && answer.status == expected.status &&
          !expected.body.starts_with(answer.body)) {
        return say("a part of the body is wrong");
      }
      ended = cut_ && expected.breaks;
      if (ended && !closed_ && !may_be_cut) return say("breaks, and the connection stays open");
      break;
    }
    if (answer.status != expected.status) {
      // A drip of the network may starve the server's deadlines of troubled clients only.
      if (answer.status == 408 && may_be_cut) break;
      // Came too late: turned away.
      if (answer.status == 503 && draining && index == 0) break;
      return say("status " + std::to_string(answer.status) + " instead of " +
                 std::to_string(expected.status));
    }
    if (expected.breaks) return say("looks whole, and its stream broke");
    if (!expected.request_id.empty() && answer.request_id != expected.request_id) {
      return say("is the answer to " + answer.request_id);
    }
    if (expected.checks_body) {
      const bool same =
          expected.head ? answer.length == expected.body.size() : answer.body == expected.body;
      if (!same) return say("a wrong body of " + std::to_string(answer.body.size()) + " bytes");
    }
    if (expected.ends && !answer.closes) return say("does not say that it ends the connection");
    ended = answer.closes;
    ++answers_;
  }
  if (ended && !cut_ && !reader.rest().empty()) return say("more came than was asked for");
  if (ended || may_be_cut || draining) return {};
  if (index < expected_.size()) return say("is missing");
  return closed_ ? std::string() : say("the connection is still open after its limits");
}

}  // namespace simulation
