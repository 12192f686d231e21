// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/crash/stepper.hpp"

namespace kit::crash {

struct Settings {
  std::string kitgen;
  std::string self;    ///< This program, which is an unsafe writer too.
  std::string folder;  ///< For everything the test makes.
  std::string fault;   ///< "generate", "migrate" or "".
};

/// Where a killed run left things.
enum class Found : std::uint8_t { old_state, half_way, new_state };

struct Verdict {
  Found found = Found::old_state;
  std::string problem;  ///< "": what was found and what became of it is right.
};

/// A command that is killed and what has to be true afterwards.
class Scenario {
 public:
  virtual ~Scenario() = default;
  virtual std::string name() const = 0;
  /// Brings everything into the old state.
  virtual void reset() = 0;
  /// What is killed, and where it runs.
  virtual std::vector<std::string> command() const = 0;
  virtual std::string folder() const = 0;
  /// Whether the command goes on after a death, so that it may be killed again: another `down`
  /// would undo one migration more.
  virtual bool is_repeatable() const { return true; }
  /// After a death: says where it stands, runs the command again, looks at the end.
  virtual Verdict verdict() = 0;
};

/// Old and new tree, made by runs that nobody disturbs. Ends the program when they fail.
std::unique_ptr<Scenario> make_generate(const Settings& settings);
/// `is_inside`: into an empty folder that is there.
std::unique_ptr<Scenario> make_new(const Settings& settings, bool is_inside);
/// `verb`: "up" or "down".
std::unique_ptr<Scenario> make_migrate(const Settings& settings, const std::string& verb);

/// Runs a command that must succeed; ends the program with its output otherwise.
void must(const std::vector<std::string>& words, const std::string& folder);

/// `kit_crash --unsafe-writer=...`: what the test has to find.
int unsafe_writer(const std::vector<std::string>& words);

}  // namespace kit::crash
