// SPDX-License-Identifier: Apache-2.0
// write_units FOLDER UNITS: writes what all cases generate into FOLDER, and UNITS sources that hold
// all of their C++. To compile thousands of small files one by one would take a quarter of an hour.
// Two files of one namespace never stand in one unit, for their unnamed namespaces would meet;
// where a file goes depends on its own case only.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>

#include "case_file.hpp"

namespace kitgen::golden {
namespace {

namespace fs = std::filesystem;

/// FNV-1a, the same everywhere.
std::uint32_t hash(std::string_view text) {
  std::uint32_t value = 2166136261U;
  for (const char each : text) value = (value ^ static_cast<unsigned char>(each)) * 16777619U;
  return value;
}

std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

void write(const fs::path& folder, std::size_t unit_count) {
  std::vector<std::string> units(unit_count);
  std::string includes;
  std::string entries;
  for (const Case& one : read_cases()) {
    const std::string name = compiled_name(one);
    std::map<std::string, std::size_t> files_of_layer;
    for (const render::File& file : render_to_compile(one).files) {
      const bool is_source = file.path.ends_with(".cpp");
      const bool is_sql = file.path.ends_with(".sql");
      if (!is_source && !is_sql && !file.path.ends_with(".hpp")) continue;
      const fs::path place = is_sql ? folder / name / file.path : folder / file.path;
      write_file(place, file.text);
      if (!is_source) continue;
      const std::size_t number = files_of_layer[fs::path(file.path).parent_path().string()]++;
      if (number >= unit_count) {
        throw std::runtime_error(one.name +
                                 " generates more files of one layer than there are "
                                 "units; raise the number in tests/golden/CMakeLists.txt");
      }
      std::string& unit = units[(hash(one.name) + number) % unit_count];
      unit += "#line 1 " + quoted(place.string()) + "\n" + file.text + "\n";
    }
    includes += "#include " + quoted(name + "/" + name + ".gen.hpp") + "\n";
    entries += "    {" + quoted(one.name) + ", " + quoted((folder / name / "migrations").string()) +
               ", " + name + "::make_service},\n";
  }
  for (std::size_t number = 0; number < unit_count; ++number)
    write_file(folder / ("unit_" + std::to_string(number) + ".cpp"), units[number]);
  write_file(folder / "compiled_cases.cpp",
             includes +
                 "#include \"tests/golden/compiled_case.hpp\"\n\nnamespace kitgen::golden {\n"
                 "namespace {\n\nconstexpr CompiledCase cases[] = {\n" +
                 entries +
                 "};\n\n}  // namespace\n\nstd::span<const CompiledCase> compiled_cases() {\n"
                 "  return cases;\n}\n\n}  // namespace kitgen::golden\n");
}

}  // namespace
}  // namespace kitgen::golden

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: write_units FOLDER UNITS\n", stderr);
    return 2;
  }
  try {
    kitgen::golden::write(argv[1], std::strtoul(argv[2], nullptr, 10));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "write_units: %s\n", error.what());
    return 1;
  }
  return 0;
}
