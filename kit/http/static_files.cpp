// SPDX-License-Identifier: Apache-2.0
#include "kit/http/static_files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "kit/base/sha256.hpp"
#include "kit/base/text.hpp"
#include "kit/base/time.hpp"
#include "kit/http/conditional.hpp"
#include "kit/http/detail/chars.hpp"
#include "kit/http/detail/file_body.hpp"
#include "kit/http/detail/file_descriptor.hpp"
#include "kit/http/detail/file_work.hpp"
#include "kit/http/encodings.hpp"
#include "kit/http/query.hpp"

namespace kit::http {
namespace {

struct Site {
  StaticFilesOptions options;
  detail::FileDescriptor directory;
};

enum class Found : std::uint8_t { file, directory, nothing };

struct OpenFile {
  Found found = Found::nothing;
  detail::FileDescriptor file;
  struct ::stat status{};
  std::string name;  // below the directory, with its coding's extension
  Coding coding = Coding::identity;
};

int open_beneath(int directory, const std::string& name) {
  ::open_how how{};
  // Without O_NONBLOCK opening a pipe would wait for its writer.
  how.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how));
}

bool is_missing(int error_number) {
  constexpr std::array missing{ENOENT, ENOTDIR, ENAMETOOLONG, EXDEV,  ELOOP,
                               EACCES, EPERM,   ENXIO,        ENODEV, EINVAL};
  return std::ranges::find(missing, error_number) != missing.end();
}

Result<OpenFile> open_file(int directory, std::string name) {
  OpenFile opened;
  opened.file = detail::FileDescriptor(open_beneath(directory, name));
  opened.name = std::move(name);
  if (!opened.file.open() && is_missing(errno)) return opened;
  if (!opened.file.open() || ::fstat(opened.file.number(), &opened.status) != 0) {
    return Error(Code::unavailable, std::string("cannot open a file: ") + std::strerror(errno))
        .with_reason("FILE_UNREADABLE");
  }
  if (S_ISREG(opened.status.st_mode)) opened.found = Found::file;
  if (S_ISDIR(opened.status.st_mode)) opened.found = Found::directory;
  return opened;
}

bool is_older(const struct ::stat& a, const struct ::stat& b) {
  if (a.st_mtim.tv_sec != b.st_mtim.tv_sec) return a.st_mtim.tv_sec < b.st_mtim.tv_sec;
  return a.st_mtim.tv_nsec < b.st_mtim.tv_nsec;
}

std::string_view extension_of(Coding coding) {
  switch (coding) {
    case Coding::br:
      return ".br";
    case Coding::zstd:
      return ".zst";
    case Coding::gzip:
      return ".gz";
    case Coding::identity:
      break;
  }
  return {};
}

/// What a request looks for, without views into it: the disk may outlast it.
struct Wanted {
  std::string name;
  bool takes_page = false;
  std::vector<Coding> codings;  // the client's favourite first
};

/// The sibling that the client likes most of those that are there, otherwise `plain` itself.
Result<OpenFile> open_packed(int directory, const Wanted& wanted, OpenFile plain) {
  for (const Coding coding : wanted.codings) {
    std::string name = plain.name;
    name += extension_of(coding);
    Result<OpenFile> packed = open_file(directory, std::move(name));
    if (!packed.ok()) return packed;
    if (packed->found != Found::file || is_older(packed->status, plain.status)) continue;
    packed->coding = coding;
    packed->name = std::move(plain.name);
    return packed;
  }
  return plain;
}

std::vector<Coding> rank_codings(const Request& request) {
  std::vector<Coding> offered{Coding::br, Coding::zstd, Coding::gzip};
  std::vector<Coding> ranked;
  while (!offered.empty()) {
    const Coding coding = choose_coding(request, offered);
    if (coding == Coding::identity) break;
    ranked.push_back(coding);
    std::erase(offered, coding);
  }
  return ranked;
}

/// The path as a name below the directory. Nothing for what can only be a way around: empty
/// segments, a leading dot (".." and hidden files), an encoded slash. A name that ends with '/' is
/// a directory's.
std::optional<std::string> name_of(const Request& request, std::string_view path) {
  const std::string_view raw = request.target.substr(0, request.target.find('?'));
  for (std::size_t at = raw.find('%'); at != std::string_view::npos; at = raw.find('%', at + 1)) {
    if (detail::percent_byte(raw, at) == '/') return std::nullopt;
  }
  if (path.find('\0') != std::string_view::npos) return std::nullopt;
  std::string name(path);
  if (name.empty()) return name;
  std::string_view segments = path;
  if (segments.ends_with('/')) segments.remove_suffix(1);
  for (const std::string_view segment : split(segments, '/')) {
    if (segment.empty() || segment.front() == '.') return std::nullopt;
  }
  return name;
}

Error no_such_file() {
  return Error(Code::not_found, "there is no such file").with_reason("FILE_NOT_FOUND");
}

bool wants_page(const Request& request, std::string_view name) {
  const std::optional<std::string_view> accept = request.header("Accept");
  return name.find('.', name.rfind('/') + 1) == std::string_view::npos && accept &&
         accept->find("text/html") != std::string_view::npos;
}

/// Everything that waits for a disk before the first byte.
Result<OpenFile> look_up(const Site& site, const Wanted& wanted) {
  const int directory = site.directory.number();
  const std::string& name = wanted.name;
  const std::string& index = site.options.index;
  const bool is_folder = name.empty() || name.ends_with('/');
  Result<OpenFile> plain = OpenFile();
  if (!is_folder) {
    plain = open_file(directory, name);
  } else if (!index.empty()) {
    plain = open_file(directory, name + index);
  }
  if (!plain.ok()) return plain;
  if (plain->found == Found::directory) {
    if (is_folder || index.empty()) {
      plain = OpenFile();
    } else {
      Result<OpenFile> inside = open_file(directory, name + '/' + index);
      if (!inside.ok()) return inside;
      if (inside->found == Found::file) return plain;
      plain = OpenFile();
    }
  }
  if (plain->found == Found::nothing && !site.options.fallback.empty() && wanted.takes_page) {
    plain = open_file(directory, site.options.fallback);
    if (!plain.ok()) return plain;
  }
  if (plain->found != Found::file) return OpenFile();
  return open_packed(directory, wanted, std::move(*plain));
}

constexpr std::int64_t nanoseconds = 1'000'000'000;

std::int64_t in_nanoseconds(const ::timespec& time) {
  return std::int64_t{time.tv_sec} * nanoseconds + time.tv_nsec;
}

/// Differs whenever the content does, and says nothing about the disk. A change within the clock
/// tick of the last one leaves no trace, so a file that has just been written has a weak tag.
std::string tag_of(const struct ::stat& status) {
  const std::int64_t modified = in_nanoseconds(status.st_mtim);
  const std::int64_t changed = in_nanoseconds(status.st_ctim);
  const std::string state = std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino) +
                            ':' + std::to_string(status.st_size) + ':' + std::to_string(modified) +
                            ':' + std::to_string(changed);
  const std::int64_t now = Timestamp::now().since_epoch.count() * 1000;
  const bool is_settled = std::max(modified, changed) < now - 2 * nanoseconds;
  std::string tag = is_settled ? "\"" : "W/\"";
  tag.append(sha256_hex(state), 0, 32).push_back('"');
  return tag;
}

bool is_immutable(const StaticFilesOptions& options, std::string_view name) {
  return has_content_hash(name) ||
         std::ranges::any_of(options.immutable_folders,
                             [&](const std::string& folder) { return name.starts_with(folder); });
}

Response redirect_to_folder(const Request& request, std::string_view name) {
  Response response;
  response.status = 308;
  // Relative, so that no path of the request can become another host.
  std::string location = percent_encode(name.substr(name.rfind('/') + 1)) + '/';
  if (!request.query.empty()) location.append("?").append(request.query);
  response.headers.emplace_back("Location", std::move(location));
  return response;
}

Response answer_with(const Site& site, const Request& request, OpenFile opened) {
  Response response;
  response.content_type = media_type_of(opened.name);
  response.headers.emplace_back("Cache-Control", is_immutable(site.options, opened.name)
                                                     ? "public, max-age=31536000, immutable"
                                                     : "no-cache");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  for (const auto& header : site.options.headers) response.headers.push_back(header);
  if (site.options.is_precompressed) response.headers.emplace_back("Vary", "Accept-Encoding");
  if (opened.coding != Coding::identity)
    response.headers.emplace_back("Content-Encoding", name(opened.coding));
  const std::string tag = tag_of(opened.status);
  Validators validators;
  validators.etag = tag;
  validators.last_modified =
      std::chrono::sys_seconds(std::chrono::seconds(opened.status.st_mtim.tv_sec));
  if (!check_conditions(request, validators, response)) return response;
  Selection selection =
      choose_part(request, validators, static_cast<std::uint64_t>(opened.status.st_size), response);
  if (selection.parts.empty()) return response;
  response.stream = std::make_unique<detail::FileBody>(site.options.pool, std::move(opened.file),
                                                       opened.status, std::move(selection));
  return response;
}

Task<Response> serve(std::shared_ptr<const Site> site, Request& request) {
  const std::string_view path =
      request.path_parameters.empty() ? std::string_view() : request.path_parameters.back();
  std::optional<std::string> name = name_of(request, path);
  if (!name) co_return no_such_file();
  Wanted wanted;
  wanted.name = *name;
  wanted.takes_page = wants_page(request, *name);
  if (site->options.is_precompressed) wanted.codings = rank_codings(request);
  auto work = [site, wanted = std::move(wanted)] { return look_up(*site, wanted); };
  auto looking = detail::file_work(site->options.pool, std::move(work));
  OpenFile opened = co_await looking;
  if (opened.found == Found::nothing) co_return no_such_file();
  if (opened.found == Found::directory) co_return redirect_to_folder(request, *name);
  co_return answer_with(*site, request, std::move(opened));
}

}  // namespace

Result<Handler> static_files(StaticFilesOptions options) {
  auto site = std::make_shared<Site>();
  site->directory =
      detail::FileDescriptor(::open(options.directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!site->directory.open()) {
    return Error(Code::not_found,
                 "cannot open the directory '" + options.directory + "': " + std::strerror(errno));
  }
  const detail::FileDescriptor probe(open_beneath(site->directory.number(), "."));
  if (!probe.open() && errno == ENOSYS)
    return Error(Code::unimplemented, "static files need openat2 (Linux 5.6)");
  site->options = std::move(options);
  Handler handler = [site = std::shared_ptr<const Site>(std::move(site))](Request& request) {
    return serve(site, request);
  };
  return handler;
}

Result<> add_static_files(Router& router, std::string_view prefix, StaticFilesOptions options) {
  Result<Handler> handler = static_files(std::move(options));
  if (!handler.ok()) return std::move(handler).error();
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  std::string path_template(prefix);
  if (!prefix.empty()) {
    // Links in its index are relative to the folder, so that is where it has to be.
    std::string to(prefix.substr(prefix.rfind('/') + 1));
    KIT_TRY(router.add(Method::get, prefix, [to = std::move(to) + "/"](Request& request) {
      Response moved;
      moved.status = 308;
      std::string location = to;
      if (!request.query.empty()) location.append("?").append(request.query);
      moved.headers.emplace_back("Location", std::move(location));
      return answered(std::move(moved));
    }));
  }
  path_template += "/{file:path}";
  return router.add(Method::get, path_template, std::move(*handler));
}

}  // namespace kit::http
