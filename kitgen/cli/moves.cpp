// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/moves.hpp"

#include <algorithm>
#include <array>

#include "kitgen/model/naming.hpp"

namespace kitgen::cli {
namespace {

constexpr std::array<std::string_view, 3> started_ends = {"_service.cpp", ".cpp", ".hpp"};

/// The service's own header stands above those of the layers: "shop" of internal/shop.gen.hpp.
class TopHeader {
 public:
  void see(const std::string& path) {
    constexpr std::string_view end = ".gen.hpp";
    if (!path.ends_with(end)) return;
    const auto depth = std::ranges::count(path, '/');
    if (!path_.empty() && depth >= depth_) return;
    depth_ = depth;
    path_ = path;
    name_ = path.substr(path.rfind('/') + 1);
    name_.resize(name_.size() - end.size());
  }
  const std::string& name() const { return name_; }

 private:
  std::string path_;
  std::string name_;
  std::ptrdiff_t depth_ = 0;
};

}  // namespace

std::map<std::string, std::string> find_moves(const Manifest& before,
                                              const std::vector<render::File>& wanted,
                                              const std::vector<Renaming>& renames) {
  std::map<std::string, std::string> moves;
  for (const render::File& file : wanted) {
    if (file.ownership != render::Ownership::started) continue;
    const std::size_t name = file.path.rfind('/') + 1;
    for (const Renaming& each : renames) {
      for (const std::string_view end : started_ends) {
        if (file.path.substr(name) != model::to_snake(each.to) + std::string(end)) continue;
        const std::string former =
            file.path.substr(0, name) + model::to_snake(each.from) + std::string(end);
        const auto kept = before.files.find(former);
        const bool was_started =
            kept != before.files.end() &&
            (kept->second.keeping == Keeping::started || kept->second.keeping == Keeping::deleted);
        if (was_started && former != file.path) moves[file.path] = former;
      }
    }
  }
  return moves;
}

std::optional<Renaming> renamed_service(const Manifest& before,
                                        const std::vector<render::File>& wanted) {
  TopHeader last;
  TopHeader now;
  for (const auto& [path, kept] : before.files) last.see(path);
  for (const render::File& file : wanted) now.see(file.path);
  if (last.name().empty() || now.name().empty() || last.name() == now.name()) return std::nullopt;
  Renaming renaming;
  renaming.from = last.name();
  renaming.to = now.name();
  renaming.is_service = true;
  return renaming;
}

}  // namespace kitgen::cli
