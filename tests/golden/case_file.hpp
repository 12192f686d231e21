// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "kitgen/render/render.hpp"
#include "kitgen/schema/diagnostic.hpp"

/// The cases of tests/golden/render; README.md there is their format.
namespace kitgen::golden {

/// "==> title" and the lines up to the next one, without the blank lines at their end.
struct Section {
  std::string title;
  std::string text;
};

/// One case: a schema and what has to follow from it.
struct Case {
  std::filesystem::path path;
  std::string name;    ///< The file's name without ".txt".
  std::string remark;  ///< The lines before the first section.
  std::vector<Section> sections;

  /// The text of a section; null when there is none.
  const std::string* find(std::string_view title) const;
  const std::string& schema() const;
  /// The whole file again.
  std::string to_text() const;
};

/// What a schema becomes.
struct Rendered {
  std::vector<render::File> files;
  std::string messages;  ///< Of schema and generator, as kitgen prints them; "" for none.
  std::size_t entities = 0;
};

/// Every case, sorted by name. Throws `std::runtime_error`, naming the file, for one that is not of
/// the format: the tests and the build have no use for half of it.
std::vector<Case> read_cases();

/// Everything that `kitgen generate` would write; `with_servers`: with the migrations for
/// PostgreSQL and MariaDB too.
Rendered render(std::string_view schema, const std::string& file, const render::Options& options,
                bool with_servers = false);
/// The same with what the case's section `flags` asks for.
Rendered render(const Case& one);

/// The case as it is compiled beside all others, named `case_NAME` in namespace, folder of its
/// layers and URL-independent names; started files that the case writes by hand are replaced.
std::string compiled_name(const Case& one);
Rendered render_to_compile(const Case& one);

std::string read_file(const std::filesystem::path& path);
/// Writes only what differs, so that nothing is compiled for nothing.
void write_file(const std::filesystem::path& path, std::string_view text);

/// UPDATE_GOLDENS is set: write instead of compare.
bool is_updating();

}  // namespace kitgen::golden
