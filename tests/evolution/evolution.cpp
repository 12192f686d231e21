// SPDX-License-Identifier: Apache-2.0
// Random schemas that change at random, with rows in them: what comes out has to be what a fresh
// database would have, and every value has to be where a model of its own says.
//
//   kit_evolution --cases=2000 --seed=1 --kitgen=build/debug/kitgen/cli/kitgen
//   kit_evolution --cases=200 --database=postgresql://kit@127.0.0.1:5432/kit    on a server
//   kit_evolution --only=4711          one case again, with all that is known about it
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "kit/base/text.hpp"
#include "tests/evolution/case.hpp"
#include "tests/evolution/values.hpp"

namespace {

using evolution::Fault;
using evolution::Options;
using evolution::Verdict;

constexpr std::size_t program_every = 50;  // Each of so many cases goes through the program.

constexpr std::array<std::pair<std::string_view, Fault>, 5> faults{{{"value", Fault::value},
                                                                    {"index", Fault::index},
                                                                    {"sequence", Fault::sequence},
                                                                    {"refusal", Fault::refusal},
                                                                    {"down", Fault::down}}};

struct Arguments {
  std::uint64_t seed = 1;
  std::uint64_t only = 0;
  std::size_t cases = 2000;
  evolution::Backend backend = evolution::Backend::sqlite;
  std::string url;
  Fault fault = Fault::none;
  std::string kitgen;
};

bool read_number(std::string_view text, auto& number) {
  const auto value = kit::parse_int(text);
  if (!value || *value < 0) return false;
  number = static_cast<std::remove_reference_t<decltype(number)>>(*value);
  return true;
}

bool read(std::string_view word, Arguments& arguments) {
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const std::string_view value = equals == word.npos ? "" : word.substr(equals + 1);
  if (name == "--seed") return read_number(value, arguments.seed);
  if (name == "--only") return read_number(value, arguments.only);
  if (name == "--cases") return read_number(value, arguments.cases);
  if (name == "--short") return read_number("60", arguments.cases);
  if (name == "--kitgen") {
    arguments.kitgen = std::filesystem::absolute(value);
    return true;
  }
  if (name == "--database") {
    arguments.url = value;
    arguments.backend =
        value.starts_with("mysql:") ? evolution::Backend::mysql : evolution::Backend::postgresql;
    return true;
  }
  for (const auto& [known, fault] : faults) {
    if (name != "--fault" || value != known) continue;
    arguments.fault = fault;
    return true;
  }
  return false;
}

struct Totals {
  std::size_t cases = 0;
  std::size_t by_program = 0;
  std::size_t edits = 0;
  std::size_t rows = 0;
  std::size_t refused_plans = 0;
  std::size_t refused_by_rows = 0;

  void add(const Verdict& verdict) {
    ++cases;
    edits += verdict.edits;
    rows += verdict.rows;
    if (verdict.was_refused_as_planned) ++refused_plans;
    if (verdict.was_refused_by_rows) ++refused_by_rows;
  }
};

/// A seed of its own for each case, so that one can be run again alone.
int run(const Arguments& arguments, const std::string& folder) {
  evolution::Chance seeds(arguments.seed);
  Totals totals;
  for (std::size_t i = 0; i < arguments.cases; ++i) {
    const std::uint64_t seed = arguments.only != 0 ? arguments.only : seeds.seed() >> 16U;
    Options options;
    options.folder = folder;
    options.fault = arguments.fault;
    options.backend = arguments.backend;
    options.url = arguments.url;
    options.keep = arguments.only != 0;
    const bool is_turn = arguments.only != 0 || (i + 1) % program_every == 0;
    const bool by_program = !arguments.kitgen.empty() && is_turn;
    if (by_program) options.kitgen = arguments.kitgen;
    const Verdict verdict = evolution::run_case(seed, options);
    totals.add(verdict);
    if (by_program) ++totals.by_program;
    if (!verdict.failure.empty()) {
      std::string report = options.keep ? verdict.failure : evolution::shrink(seed, options);
      if (report.empty()) report = verdict.failure + "(and did not fail again)\n";
      std::printf("%s\n", report.c_str());
      std::printf("FAIL evolution: case %zu, again with --only=%llu%s\n", i + 1,
                  static_cast<unsigned long long>(seed), by_program ? " (through kitgen)" : "");
      return 1;
    }
    if (arguments.only != 0) break;
  }
  std::printf(
      "PASS evolution: %zu changes of random schemas (%zu through kitgen), %zu edits, %zu rows; "
      "%zu refused by the plan, %zu by the rows, all others up, down and up again; seed %llu\n",
      totals.cases, totals.by_program, totals.edits, totals.rows, totals.refused_plans,
      totals.refused_by_rows, static_cast<unsigned long long>(arguments.seed));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    if (read(argv[i], arguments)) continue;
    std::fprintf(stderr,
                 "usage: kit_evolution [--cases=N] [--seed=N] [--only=SEED] [--kitgen=PROGRAM] "
                 "[--fault=value|index|sequence|refusal|down] [--database=postgresql://...]\n");
    return 2;
  }
  std::string folder = (std::filesystem::temp_directory_path() / "kit_evolution_XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    std::perror("a folder for files");
    return 2;
  }
  const int code = run(arguments, folder);
  if (arguments.only != 0) {
    std::printf("files: %s\n", folder.c_str());
  } else {
    std::filesystem::remove_all(folder);
  }
  return code;
}
