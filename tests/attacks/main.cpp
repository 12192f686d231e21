// SPDX-License-Identifier: Apache-2.0
// make attacks: forged tokens and the vectors of project Wycheproof against kit/security.
// With --defect=trusting or hasty, something worse is in its place, and has to be found.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "forger.hpp"
#include "kit/base/text.hpp"
#include "wycheproof.hpp"

namespace attacks {
namespace {

struct Outcome {
  int forged = 0;
  int accepted = 0;
  int wrong_reason = 0;
  int honest_refused = 0;
};

std::string show(const Attack& attack, Algorithm algorithm) {
  return std::string(attack.name) + " on " + std::string(name(algorithm));
}

/// The reason a token is refused with; empty: it is taken.
std::string reason(Forger& forger, std::string_view token, Defect defect) {
  const auto identity = forger.verifier().verify(token, now());
  if (judged(defect, token, identity.ok())) return {};
  return identity ? "DEFECT" : identity.error().reason();
}

void check_honest(Forger& forger, const Attack& attack, Defect defect, Outcome& outcome) {
  const std::string token = forger.honest();
  // Twice: verified, then remembered.
  for (int i = 0; i < 2; ++i) {
    const std::string why = reason(forger, token, defect);
    if (why.empty()) continue;
    ++outcome.honest_refused;
    std::printf("REFUSED an honest token beside %s: %s\n", show(attack, forger.algorithm()).c_str(),
                why.c_str());
  }
}

void run_attack(Forger& forger, const Attack& attack, Defect defect, Outcome& outcome) {
  if (attack.applies != nullptr && !attack.applies(forger.algorithm())) return;
  check_honest(forger, attack, defect, outcome);
  const std::string token = attack.forge(forger);
  ++outcome.forged;
  // Twice: nothing of the first time may be remembered.
  for (int i = 0; i < 2; ++i) {
    const std::string why = reason(forger, token, defect);
    bool is_right = false;
    for (const std::string_view each : kit::split(attack.reasons, '|')) is_right |= why == each;
    if (why.empty()) {
      ++outcome.accepted;
      std::printf("ACCEPTED %s\n", show(attack, forger.algorithm()).c_str());
    } else if (!is_right) {
      ++outcome.wrong_reason;
      std::printf("WRONG REASON %s: %s, not %s\n", show(attack, forger.algorithm()).c_str(),
                  why.c_str(), std::string(attack.reasons).c_str());
    }
  }
}

std::vector<Attack> all_attacks() {
  std::vector<Attack> all;
  for (const auto& part : {attacks_on_algorithms(), attacks_on_keys(), attacks_on_shape(),
                           attacks_on_headers(), attacks_on_claims(), attacks_on_signatures()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

Outcome run_forged(const std::vector<Attack>& all, Defect defect) {
  Outcome outcome;
  for (const Algorithm algorithm :
       {Algorithm::hs256, Algorithm::es256, Algorithm::rs256, Algorithm::eddsa}) {
    Forger forger(algorithm);
    for (const Attack& attack : all) run_attack(forger, attack, defect, outcome);
  }
  return outcome;
}

Vectors run_wycheproof(const std::string& folder, Defect defect) {
  Vectors vectors;
  for (const char* file :
       {"json_web_signature_test.json", "json_web_key_test.json", "json_web_crypto_test.json"}) {
    run_vectors(folder + '/' + file, defect, vectors);
  }
  for (const std::string& failure : vectors.failures)
    std::printf("WYCHEPROOF %s\n", failure.c_str());
  for (const auto& [why, count] : vectors.not_applicable) {
    std::printf("%4d vectors do not apply: %s\n", count, why.c_str());
  }
  return vectors;
}

int report(std::size_t attacks, const Outcome& forged, const Vectors& vectors) {
  int left_out = 0;
  for (const auto& [why, count] : vectors.not_applicable) left_out += count;
  const bool is_good = forged.accepted == 0 && forged.wrong_reason == 0 &&
                       forged.honest_refused == 0 && vectors.failures.empty();
  std::printf(
      "%s attacks: %zu attacks, %d forged tokens on 4 kinds of key, %d accepted, %d with another "
      "reason, %d honest ones refused; Wycheproof: %d vectors, %d valid taken, %d invalid refused, "
      "%zu wrong, %d do not apply\n",
      is_good ? "PASS" : "FAIL", attacks, forged.forged, forged.accepted, forged.wrong_reason,
      forged.honest_refused, vectors.seen, vectors.valid_taken, vectors.invalid_refused,
      vectors.failures.size(), left_out);
  return is_good ? 0 : 1;
}

}  // namespace
}  // namespace attacks

int main(int argc, char** argv) {
  using namespace attacks;
  std::string folder = KIT_SOURCE_DIR "/tests/attacks/data";
  Defect defect = Defect::none;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--defect=trusting") {
      defect = Defect::trusting;
    } else if (option == "--defect=hasty") {
      defect = Defect::hasty;
    } else if (option.starts_with("--data=")) {
      folder = option.substr(7);
    } else if (option != "--short") {  // it takes seconds as it is
      std::fprintf(stderr, "usage: %s [--short] [--defect=trusting|hasty] [--data=FOLDER]\n",
                   argv[0]);
      return 2;
    }
  }
  const std::vector<Attack> all = all_attacks();
  const Outcome forged = run_forged(all, defect);
  const Vectors vectors = run_wycheproof(folder, defect);
  return report(all.size(), forged, vectors);
}
