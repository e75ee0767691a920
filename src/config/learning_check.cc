#include "config/learning_check.h"

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "config/bundle.h"
#include "config/nearest.h"

namespace fulcrum::config {
namespace {

constexpr size_t kRewardKindBytesMax = 64;

// A wider prior leaves nothing that one observation may teach (docs/models.md).
constexpr double kPriorToNoiseMax = 1000;

bool Matches(std::string_view pattern, std::string_view key) {
  if (pattern.empty() || pattern.back() != '*') return pattern == key;
  pattern.remove_suffix(1);
  return key.substr(0, pattern.size()) == pattern;
}

class LearningChecker {
 public:
  LearningChecker(const v1::Bundle& bundle, const Places& places, Problems* problems)
      : bundle_(bundle), places_(places), problems_(problems) {}

  void Check(const v1::Surface& surface, const std::string& path) const {
    const size_t bytes = surface.reward_kind().size();
    if (bytes < 1 || bytes > kRewardKindBytesMax) {
      Report(path + ".reward_kind",
             absl::StrCat(bytes, " bytes long; name the outcomes that count in 1 to ",
                          kRewardKindBytesMax, " bytes, such as click"));
    }
    if (surface.exposure() != v1::EXPOSURE_REQUIRED) {
      const std::string window = path + ".exposure_window";  // has a default
      if (places_.Has(window)) {
        Report(window,
               "nothing waits for reports of exposure here; add 'exposure: required' or remove it");
      }
    }
    if (surface.has_linear()) CheckLinear(surface, path);
    if (surface.has_logistic()) CheckLogistic(surface, path);
    CheckPositionEffects(surface, path);
    if (surface.has_value()) CheckValue(surface, path);
    if (surface.has_pooling()) CheckPooling(surface, path);
    CheckBaseline(surface, path);
  }

 private:
  void Report(const std::string& path, std::string_view message) const {
    problems_->Add(places_.At(path), absl::StrCat(path, ": ", base::ToAbsl(message)));
  }

  void CheckLinear(const v1::Surface& surface, const std::string& surface_path) const {
    const v1::LinearPosterior& linear = surface.linear();
    const std::string path = surface_path + ".linear";
    if (linear.prior_sd() > kPriorToNoiseMax * linear.noise_sd()) {
      Report(path + ".prior_sd", absl::StrCat("more than ", kPriorToNoiseMax,
                                              " times 'noise_sd': choose a prior as "
                                              "wide as coefficients really are"));
    }
    CheckTerms(linear, surface, path);
  }

  void CheckLogistic(const v1::Surface& surface, const std::string& surface_path) const {
    const std::string path = surface_path + ".logistic";
    if (surface.has_linear()) Report(path, "the surface has 'linear' already; keep one");
    CheckTerms(surface.logistic(), surface, path);
  }

  // Of a linear or a logistic posterior.
  template <typename Basis>
  void CheckTerms(const Basis& linear, const v1::Surface& surface, const std::string& path) const {
    const int terms = 2 + linear.segments_size() + linear.context_keys_size();
    if (terms > static_cast<int>(LinearPosterior::kTermsMax)) {
      Report(path, absl::StrCat("1, the score, segments and context_keys make ", terms,
                                " terms; at most ", LinearPosterior::kTermsMax,
                                " are allowed, name fewer"));
    }
    if (linear.segments_size() > 0 && surface.segment_feature().empty()) {
      Report(path + ".segments",
             "the surface has no 'segment_feature', so no user has a segment; add it");
    }
    CheckList(linear.segments(), path + ".segments");
    CheckList(linear.context_keys(), path + ".context_keys");
    for (int i = 0; i < linear.context_keys_size(); ++i) {
      CheckContextKey(linear.context_keys(i), absl::StrCat(path, ".context_keys[", i, "]"));
    }
  }

  void CheckPositionEffects(const v1::Surface& surface, const std::string& surface_path) const {
    if (surface.position_effects_size() <= static_cast<int>(surface.slate_size_max())) return;
    Report(surface_path + ".position_effects",
           absl::StrCat(surface.position_effects_size(), " entries, but 'slate_size_max' is ",
                        surface.slate_size_max(), "; give at most one per position"));
  }

  void CheckValue(const v1::Surface& surface, const std::string& surface_path) const {
    const std::string path = surface_path + ".value";
    if (surface.has_linear()) {
      Report(path, "the surface has 'linear', whose posteriors are of amounts already; keep one");
    }
    if (surface.has_logistic()) {
      Report(path, "the surface has 'logistic', whose posteriors are of successes; keep one");
    }
    if (std::abs(surface.value().amount_mean()) > surface.value().cap()) {
      Report(path + ".amount_mean",
             "beyond 'cap', which no amount is; raise the cap or lower this");
    }
  }

  void CheckPooling(const v1::Surface& surface, const std::string& surface_path) const {
    const std::string path = surface_path + ".pooling";
    if (surface.has_linear() || surface.has_logistic()) {
      Report(path, absl::StrCat("the surface has '", surface.has_linear() ? "linear" : "logistic",
                                "', whose actions share nothing; remove one of them"));
    } else if (bundle_.has_model() && surface.model_strength() > 0) {
      Report(path, "the model's opinion is the prior here; remove this or add 'model_strength: 0'");
    }
  }

  void CheckBaseline(const v1::Surface& surface, const std::string& surface_path) const {
    const v1::Baseline& baseline = surface.baseline();
    if (!baseline.has_value() || surface.has_linear() || surface.has_value()) return;
    if (baseline.value() >= 0 && baseline.value() <= 1) return;
    Report(
        surface_path + ".baseline.value",
        "must be 0 to 1: rewards are successes here, unless the surface has 'linear' or 'value'");
  }

  template <typename List>
  void CheckList(const List& list, const std::string& path) const {
    base::StringMap<std::string> first;
    for (int i = 0; i < list.size(); ++i) {
      const std::string item = absl::StrCat(path, "[", i, "]");
      if (list[i].empty()) Report(item, "must not be empty");
      const auto [known, fresh] = first.try_emplace(list[i], item);
      if (fresh) continue;
      Report(item, absl::StrCat("'", list[i].substr(0, 80), "' is given twice; first at ",
                                places_.At(known->second).ToString()));
    }
  }

  void CheckContextKey(const std::string& key, const std::string& path) const {
    if (key.empty()) return;
    std::vector<std::string> numbers;
    for (const v1::ContextKey& known : bundle_.context_keys()) {
      const bool number = known.type() != v1::VALUE_TYPE_TEXT;
      if (number) numbers.push_back(known.name());
      if (!Matches(known.name(), key)) continue;
      if (!number) {
        Report(path, absl::StrCat("'", key.substr(0, 80), "' is text; a term is a number"));
      }
      return;
    }
    Report(path, absl::StrCat("there is no context key '", key.substr(0, 80), "'",
                              NearestHint(key, numbers)));
  }

  const v1::Bundle& bundle_;
  const Places& places_;
  Problems* problems_;
};

}  // namespace

void CheckLearning(const v1::Bundle& bundle, const Places& places, Problems* problems) {
  const LearningChecker checker(bundle, places, problems);
  for (int i = 0; i < bundle.surfaces_size(); ++i) {
    checker.Check(bundle.surfaces(i), absl::StrCat("surfaces[", i, "]"));
  }
}

}  // namespace fulcrum::config
