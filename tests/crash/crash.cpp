// SPDX-License-Identifier: Apache-2.0
// Kills kitgen before a system call that changes files, at many places, and looks at what is there
// then and after the next run. `make crash-generate POINTS=200 SEED=1`.
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <string_view>
#include <utility>

#include "tests/crash/scenario.hpp"

namespace kit::crash {
namespace {

namespace fs = std::filesystem;

struct Options {
  Settings settings;
  std::size_t points = 200;
  unsigned long seed = 1;
  std::string only;                  ///< One scenario.
  std::optional<std::size_t> place;  ///< One place of it.
};

struct Figures {
  std::size_t kills = 0;
  std::size_t again = 0;  ///< The run after a kill was killed too.
  std::array<std::size_t, 3> found{};
};

class Campaign {
 public:
  explicit Campaign(const Options& options) : options_(options), random_(options.seed) {}

  /// Whether every place was survived.
  bool attack(Scenario& scenario) {
    scenario.reset();
    const Ran whole = run_until(scenario.command(), scenario.folder(), std::nullopt);
    std::printf("%s: %zu system calls change files\n", scenario.name().c_str(), whole.changes);
    if (whole.code != 0 || whole.changes == 0) {
      std::printf("FAIL crash-generate: %s does not run: %s\n", scenario.name().c_str(),
                  whole.output.c_str());
      return false;
    }
    for (const std::size_t place : places(whole.changes)) {
      if (!survive(scenario, place, whole.changes)) return false;
    }
    return true;
  }

  const Figures& figures() const { return figures_; }

 private:
  /// Spread over the whole range: one at random in each of equal parts, the first and the last.
  std::set<std::size_t> places(std::size_t changes) {
    if (options_.place) return {*options_.place};
    std::set<std::size_t> chosen = {0, changes - 1};
    const std::size_t points = std::min(options_.points, changes);
    for (std::size_t i = 0; i < points; ++i) {
      const std::size_t from = i * changes / points;
      const std::size_t to = (i + 1) * changes / points;
      chosen.insert(from + random_() % (to - from));
    }
    return chosen;
  }

  bool survive(Scenario& scenario, std::size_t place, std::size_t changes) {
    scenario.reset();
    const Ran first = run_until(scenario.command(), scenario.folder(), place);
    ++figures_.kills;
    std::string places = std::to_string(place);
    // Also what finishes or clears away may be killed.
    if (scenario.is_repeatable() && !options_.place && random_() % 3 == 0) {
      const std::size_t second = random_() % changes;
      run_until(scenario.command(), scenario.folder(), second);
      ++figures_.again;
      places += " and then " + std::to_string(second);
    }
    Verdict verdict = scenario.verdict();
    ++figures_.found[static_cast<std::size_t>(verdict.found)];
    if (!first.is_killed) {
      // Threads may share the calls out differently, by a few.
      verdict.problem += first.code == 0 ? "" : "the run ends with " + first.output;
    }
    if (verdict.problem.empty()) return true;
    std::printf(
        "FAIL crash-generate: %s killed before change %s of %zu: %s (--seed=%lu --only='%s')\n",
        scenario.name().c_str(), places.c_str(), changes, verdict.problem.c_str(), options_.seed,
        scenario.name().c_str());
    return false;
  }

  const Options& options_;
  std::mt19937 random_;
  Figures figures_;
};

int attack_all(const Options& options) {
  using Make = std::unique_ptr<Scenario> (*)(const Settings&);
  constexpr std::pair<std::string_view, Make> scenarios[] = {
      {"generate", make_generate},
      {"new", [](const Settings& settings) { return make_new(settings, false); }},
      {"new inside", [](const Settings& settings) { return make_new(settings, true); }},
      {"migrate up", [](const Settings& settings) { return make_migrate(settings, "up"); }},
      {"migrate down", [](const Settings& settings) { return make_migrate(settings, "down"); }},
  };
  Campaign campaign(options);
  for (const auto& [name, make] : scenarios) {
    if (!options.only.empty() && options.only != name) continue;
    if (!campaign.attack(*make(options.settings))) return 1;
  }
  const Figures& figures = campaign.figures();
  if (figures.kills == 0) {
    std::printf("FAIL crash-generate: there is no '%s'\n", options.only.c_str());
    return 1;
  }
  std::printf(
      "PASS crash-generate: %zu kills, %zu of them killed again; found the old state %zu "
      "times, half way and said so %zu, the new one %zu; every next run ended in the new one; "
      "seed %lu\n",
      figures.kills, figures.again, figures.found[0], figures.found[1], figures.found[2],
      options.seed);
  return 0;
}

/// A number as an option's value.
template <class T>
bool read_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool read_option(std::string_view word, Options& options) {
  const std::string_view name = word.substr(0, word.find('='));
  const std::string_view value = name.size() < word.size() ? word.substr(name.size() + 1) : "";
  if (name == "--kitgen") options.settings.kitgen = fs::absolute(value);
  if (name == "--fault") options.settings.fault = value;
  if (name == "--only") options.only = value;
  if (name == "--short") options.points = 12;
  if (name == "--points") return read_number(value, options.points) && options.points > 0;
  if (name == "--seed") return read_number(value, options.seed);
  if (name == "--place") return read_number(value, options.place.emplace());
  return name == "--kitgen" || name == "--fault" || name == "--only" || name == "--short";
}

}  // namespace

void must(const std::vector<std::string>& words, const std::string& folder) {
  const Ran ran = run(words, folder);
  if (ran.code == 0) return;
  std::printf("FAIL crash-generate: %s %s in %s: %s\n", words[0].c_str(), words[1].c_str(),
              folder.c_str(), ran.output.c_str());
  std::exit(1);
}

int main_of(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words[0].starts_with("--unsafe-writer=")) return unsafe_writer(words);
  Options options;
  options.settings.self = fs::read_symlink("/proc/self/exe");
  for (const std::string& word : words) {
    if (read_option(word, options)) continue;
    std::fprintf(stderr,
                 "kit_crash: what is '%s'? Known are --kitgen=FILE --points=N --seed=N --short "
                 "--only=NAME --place=N --fault=generate|migrate\n",
                 word.c_str());
    return 2;
  }
  // In memory where that is possible: nothing here depends on a disk, and a kill loses no page.
  const bool has_memory = ::access("/dev/shm", W_OK) == 0;
  const fs::path place = has_memory ? fs::path("/dev/shm") : fs::temp_directory_path();
  std::string folder = (place / "kit_crash_XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    std::perror("kit_crash: mkdtemp");
    return 2;
  }
  options.settings.folder = folder;
  const int code = attack_all(options);
  fs::remove_all(folder);
  return code;
}

}  // namespace kit::crash

int main(int argc, char** argv) {
  return kit::crash::main_of(argc, argv);
}
