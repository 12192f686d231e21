// SPDX-License-Identifier: Apache-2.0
#include "kit/http/compression.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/http/conditional.hpp"
#include "kit/http/detail/fields.hpp"

namespace kit::http {
namespace {

/// A body packed as it is read.
class CompressedBody final : public BodyReader {
 public:
  CompressedBody(std::unique_ptr<BodyReader> inner, std::unique_ptr<Compressor> compressor)
      : inner_(std::move(inner)), compressor_(std::move(compressor)) {}

  Task<std::string_view> read() override {
    out_.clear();
    // A piece may be so small that it yields nothing by itself; an empty piece would be the end.
    while (out_.empty() && !finished_) {
      const std::string_view piece = co_await inner_->read();
      if (piece.empty()) {
        finished_ = true;
        Result<> ended = compressor_->finish({}, out_);
        co_await std::move(ended);
      } else {
        co_await compressor_->write(piece, out_);
      }
    }
    co_return std::string_view(out_);
  }

 private:
  std::unique_ptr<BodyReader> inner_;
  std::unique_ptr<Compressor> compressor_;
  std::string out_;
  bool finished_ = false;
};

std::string_view content_type_of(const Response& response) {
  if (!response.content_type.empty()) return response.content_type;
  const std::string* given = detail::find_field(response, "Content-Type");
  return given == nullptr ? std::string_view() : std::string_view(*given);
}

bool has_body(int status) {
  return status >= 200 && status != 204 && status != 205 && status != 206 && status != 304;
}

/// Whether the fields of an answer say that it stays as it is.
bool forbids_packing(const Response& response) {
  if (detail::find_field(response, "Content-Encoding") != nullptr ||
      detail::find_field(response, "Content-Range") != nullptr ||
      detail::find_field(response, "Set-Cookie") != nullptr)
    return true;
  const std::string* caching = detail::find_field(response, "Cache-Control");
  return caching != nullptr && detail::list_has(*caching, "no-transform");
}

/// Whether an answer could be packed for some client: then caches must be told so.
bool is_eligible(const Response& response, const CompressionOptions& options) {
  if (!has_body(response.status) || response.upgrade) return false;
  if (!is_compressible(content_type_of(response)) || forbids_packing(response)) return false;
  if (response.stream)
    return !response.stream->size() || *response.stream->size() >= options.min_bytes;
  const std::size_t size =
      response.static_body.empty() ? response.body.size() : response.static_body.size();
  return size >= options.min_bytes;
}

/// What is packed is the same content in other bytes, so its tag says no more than that.
void weaken_tag(Response& response) {
  for (auto& [name, value] : response.headers) {
    if (iequals(name, "ETag") && value.starts_with('"')) value.insert(0, "W/");
  }
}

/// Whether all that the client has of `tag` is the plain form: its tag is not weakened.
bool has_plain_only(const Request& request, std::string_view tag) {
  const std::optional<EntityTag> own = parse_entity_tag(tag);
  bool has_plain = false;
  for (const Header& header : request.headers) {
    if (!own || !iequals(header.name, "If-None-Match")) continue;
    std::string_view rest = header.value;
    while (const std::optional<EntityTag> known = next_entity_tag(rest)) {
      if (known->opaque != own->opaque) continue;
      if (known->is_weak) return false;
      has_plain = true;
    }
  }
  return has_plain;
}

/// A cache puts the fields of a 304 on the copy that it has. The tag of the plain form, on a packed
/// copy, would let the client join ranges of the one to the other.
void describe_kept_copy(const Request& request, Response& response) {
  detail::add_to_list(response, "Vary", "Accept-Encoding");
  const std::string* tag = detail::find_field(response, "ETag");
  if (tag != nullptr && has_plain_only(request, *tag)) return;
  detail::drop_field(response, "Accept-Ranges");
  weaken_tag(response);
}

/// False when packing makes it no smaller, or fails: the body then goes as it is.
bool pack_whole(Coding coding, Response& response, const CompressionOptions& options) {
  const std::string_view plain =
      response.static_body.empty() ? std::string_view(response.body) : response.static_body;
  std::string packed;
  const std::unique_ptr<Compressor> compressor = make_compressor(coding, options);
  if (!compressor->finish(plain, packed).ok() || packed.size() >= plain.size()) return false;
  response.static_body = {};
  response.body = std::move(packed);
  return true;
}

/// `inner` and its options, for as long as one of their answers is made.
struct Wrapped {
  Handler inner;
  CompressionOptions options;
};

Task<Response> serve(std::shared_ptr<const Wrapped> wrapped, Request& request) {
  Response response = co_await wrapped->inner(request);
  compress(request, response, wrapped->options);
  co_return response;
}

}  // namespace

bool is_compressible(std::string_view content_type) {
  constexpr std::array others = std::to_array<std::string_view>(
      {"application/json", "application/javascript", "application/xml", "application/yaml",
       "application/manifest+json", "application/wasm", "application/x-ndjson",
       "application/graphql", "font/ttf", "font/otf", "image/bmp", "image/vnd.microsoft.icon"});
  const std::string type = to_lower(trim(content_type.substr(0, content_type.find(';'))));
  return type.starts_with("text/") || type.ends_with("+json") || type.ends_with("+xml") ||
         std::ranges::find(others, type) != others.end();
}

void keep_uncompressed(Response& response) {
  if (detail::find_field(response, "Cache-Control") == nullptr)
    response.headers.emplace_back("Cache-Control", "no-store");
  detail::add_to_list(response, "Cache-Control", "no-transform");
}

void compress(const Request& request, Response& response, const CompressionOptions& options) {
  if (!options.is_enabled) return;
  if (response.status == 304 && !forbids_packing(response))
    return describe_kept_copy(request, response);
  if (!is_eligible(response, options)) return;
  detail::add_to_list(response, "Vary", "Accept-Encoding");
  // What lives as long as its client must not hold megabytes for it.
  static constexpr std::array small{Coding::gzip};
  const bool lives_long = content_type_of(response).starts_with("text/event-stream");
  const bool has_small = std::ranges::find(options.codings, Coding::gzip) != options.codings.end();
  std::span<const Coding> offered = options.codings;
  if (lives_long) offered = std::span<const Coding>(small).first(has_small ? 1 : 0);
  const Coding coding = choose_coding(request, offered);
  if (coding == Coding::identity) return;
  if (response.stream) {
    response.stream = std::make_unique<CompressedBody>(
        std::move(response.stream), make_compressor(coding, options, lives_long));
  } else if (!pack_whole(coding, response, options)) {
    return;
  }
  // Ranges of the packed form are not served.
  detail::drop_field(response, "Accept-Ranges");
  weaken_tag(response);
  response.headers.emplace_back("Content-Encoding", name(coding));
}

Handler compressed(Handler inner, CompressionOptions options) {
  auto wrapped = std::make_shared<const Wrapped>(Wrapped{std::move(inner), std::move(options)});
  return [wrapped = std::move(wrapped)](Request& request) { return serve(wrapped, request); };
}

}  // namespace kit::http
