// SPDX-License-Identifier: Apache-2.0
// kitgen dev: every save becomes a running server. A step that fails leaves the server as it is;
// the next save tries again.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "kitgen/cli/dev_files.hpp"
#include "kitgen/cli/dev_server.hpp"
#include "kitgen/cli/dev_steps.hpp"

namespace kitgen::cli {
namespace {

using namespace std::chrono_literals;
using kit::Code;
using kit::Error;
using kit::Result;
using std::chrono::steady_clock;
using Event = Supervisor::Event;
using Paths = std::vector<std::string>;

/// Editors write a file in several goes: changes count once nothing has happened for this long.
constexpr auto quiet_time = 40ms;
constexpr auto longest_wait = 1s;

bool is_below(const std::string& path, std::string_view folder) {
  return path.starts_with(folder);
}

/// "  build       2.31 s  7 steps"
void print_step(std::string_view name, steady_clock::time_point begun, const std::string& note) {
  const std::chrono::duration<double> taken = steady_clock::now() - begun;
  char text[64];
  std::snprintf(text, sizeof text, "  %-9.*s %6.2f s  ", static_cast<int>(name.size()), name.data(),
                taken.count());
  print(text + note + "\n");
}

class Dev {
 public:
  Dev(const DevArguments& arguments, Supervisor& supervisor, DevSteps steps, FileWatch watch)
      : arguments_(arguments),
        supervisor_(supervisor),
        steps_(std::move(steps)),
        watch_(std::move(watch)) {}

  int run() {
    Result<> result = first_pass();
    while (result && !arguments_.once && !supervisor_.is_stopping()) result = next_pass();
    if (server_) supervisor_.stop(*server_);
    if (!result) return fail(result.error());
    return is_good_ || (supervisor_.is_stopping() && !arguments_.once) ? ok : failed;
  }

 private:
  Result<> first_pass() {
    auto stamps = watch_.look();
    if (!stamps) return std::move(stamps).error();
    seen_ = std::move(*stamps);
    print("kitgen dev: building\n");
    return pass({});
  }

  Result<> next_pass() {
    auto changed = wait_for_change();
    if (!changed) return std::move(changed).error();
    if (changed->empty()) return {};
    print("kitgen dev: " + changed->front() +
          (changed->size() > 1 ? " and " + std::to_string(changed->size() - 1) + " more" : "") +
          " changed\n");
    return pass(*changed);
  }

  /// Empty: asked to stop, or nothing that counts.
  Result<Paths> wait_for_change() {
    Supervisor::Wait wait;
    wait.descriptors = {watch_.descriptor()};
    if (server_) wait.descriptors.push_back(server_->child->descriptor());
    const Event event = supervisor_.wait(wait);
    if (event == Event::stop) return Paths();
    if (server_ && server_->child->status()) {
      print_error("the server ended, with exit code " + std::to_string(*server_->child->status()) +
                  "; the next save starts it again");
      supervisor_.stop(*server_);
      server_.reset();
    }
    const auto end = steady_clock::now() + longest_wait;
    while (watch_.drain() && steady_clock::now() < end) {
      wait.descriptors = {watch_.descriptor()};
      wait.limit = quiet_time;
      if (supervisor_.wait(wait) == Event::stop) return Paths();
    }
    auto now = watch_.look();
    if (!now) return std::move(now).error();
    Paths changed = differences(seen_, *now);
    seen_ = std::move(*now);
    return changed;
  }

  /// Fails only when there is no going on.
  Result<> pass(const Paths& changed) {
    const auto begun = steady_clock::now();
    Result<> done = steps(changed);
    if (!done && done.error().code() == Code::cancelled) return {};
    is_good_ = done.ok();
    if (done) {
      print_step("total", begun, "");
      return {};
    }
    print_error(done.error().message());
    print(server_
              ? "kitgen dev: the server before this change still runs; the next save tries again\n"
              : "kitgen dev: no server runs; the next save tries again\n");
    return {};
  }

  Result<> steps(const Paths& changed) {
    KIT_TRY(step("schema", [&] { return steps_.check_schema(); }));
    KIT_TRY(step("generate", [&] { return steps_.generate(); }));
    KIT_TRY(take_over_own_writes());
    if (!steps_.is_configured()) KIT_TRY(step("configure", [&] { return steps_.configure(); }));
    KIT_TRY(step("build", [&] { return steps_.build(); }));
    auto settings = steps_.settings();
    if (!settings) return std::move(settings).error();
    if (arguments_.migrate)
      KIT_TRY(step("migrate", [&] { return steps_.migrate(settings->database); }));
    return step("serve", [&] { return serve(*settings, changed); });
  }

  template <class Step>
  Result<> step(std::string_view name, Step step) {
    const auto begun = steady_clock::now();
    Result<std::string> note = step();
    if (note) {
      print_step(name, begun, *note);
      return {};
    }
    if (note.error().code() != Code::cancelled) print_step(name, begun, "FAILED");
    return std::move(note).error();
  }

  /// What `generate` wrote is no change. A schema that was saved meanwhile is one; so is nothing
  /// else, for it is built next.
  Result<> take_over_own_writes() {
    auto now = watch_.look();
    if (!now) return std::move(now).error();
    for (auto& [path, stamp] : seen_) {
      const auto again = now->find(path);
      if (is_below(path, "api/") && again != now->end()) again->second = stamp;
    }
    seen_ = std::move(*now);
    return {};
  }

  Result<std::string> serve(const ServerSettings& settings, const Paths& changed) {
    auto stamp = binary_time();
    if (!stamp) return std::move(stamp).error();
    const bool is_same = server_ && *stamp == served_ && settings == server_->settings &&
                         std::ranges::none_of(changed, [](const std::string& path) {
                           return is_below(path, "config/");
                         });
    if (is_same) return "unchanged, " + server_->url;
    ChildOptions options;
    options.folder = ".";
    options.command = {steps_.binary()};
    options.command.insert(options.command.end(), steps_.options().begin(), steps_.options().end());
    // Migrations were this program's step; what it was told not to do the server must not do
    // either.
    options.command.push_back("--database.migrate_on_start=false");
    KIT_TRY(listen(settings, options));
    // A socket in the file system belongs to one server at a time.
    if (options.sockets.empty() && server_) stop_server();
    auto started = supervisor_.start(std::move(options));
    if (!started) return std::move(started).error();
    (*started)->settings = settings;
    if (server_) stop_server();
    server_ = std::move(*started);
    served_ = *stamp;
    return server_->url;
  }

  void stop_server() {
    supervisor_.stop(*server_);
    server_.reset();
  }

  static Result<std::filesystem::file_time_type> time_of(const std::string& path) {
    std::error_code code;
    const auto time = std::filesystem::last_write_time(path, code);
    if (code) return Error(Code::not_found, path + ": " + code.message());
    return time;
  }
  Result<std::filesystem::file_time_type> binary_time() const { return time_of(steps_.binary()); }

  /// The sockets outlive the servers, so that what comes between two of them waits.
  Result<> listen(const ServerSettings& settings, ChildOptions& options) {
    if (settings.address.starts_with("unix:")) return {};
    const std::string place = settings.address + ":" + std::to_string(settings.port);
    if (place != place_) {
      auto socket = listen_on(settings.address, settings.port);
      if (!socket) return std::move(socket).error();
      socket_ = std::move(*socket);
      place_ = place;
    }
    const std::string admin_place =
        settings.admin_address + ":" + std::to_string(settings.admin_port);
    if (settings.admin_port != 0 && admin_place != admin_place_) {
      auto socket = listen_on(settings.admin_address, settings.admin_port);
      // As the server itself does: metrics are not worth a stop on a developer's machine.
      admin_socket_ = socket ? std::move(*socket) : Descriptor();
      admin_place_ = admin_place;
    }
    options.sockets.emplace_back(socket_.number(), "http");
    if (settings.admin_port != 0 && admin_socket_)
      options.sockets.emplace_back(admin_socket_.number(), "admin");
    return {};
  }

  const DevArguments& arguments_;
  Supervisor& supervisor_;
  DevSteps steps_;
  FileWatch watch_;
  FileStamps seen_;
  std::unique_ptr<Server> server_;
  std::filesystem::file_time_type served_;
  Descriptor socket_, admin_socket_;
  std::string place_, admin_place_;
  bool is_good_ = false;
};

}  // namespace

int dev(const DevArguments& arguments) {
  if (!arguments.project.empty() && ::chdir(arguments.project.c_str()) != 0) {
    print_error(arguments.project + ": " + std::strerror(errno));
    return failed;
  }
  auto root = Root::open(".");
  if (!root) return fail(root.error());
  const auto lock = root->lock(".kit/dev.lock");
  if (!lock) {
    if (lock.error().code() != Code::aborted) return fail(lock.error());
    print_error("kitgen dev runs in this project already");
    return failed;
  }
  auto supervisor = Supervisor::open();
  if (!supervisor) return fail(supervisor.error());
  auto steps = DevSteps::open(*supervisor, arguments);
  if (!steps) return fail(steps.error());
  auto watch = FileWatch::open(".");
  if (!watch) return fail(watch.error());
  return Dev(arguments, *supervisor, std::move(*steps), std::move(*watch)).run();
}

}  // namespace kitgen::cli
