#include "config/terms_check.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace fulcrum::config {
namespace {

constexpr size_t kKindBytesMax = 64;
constexpr int kKindsMax = 8;

class TermsChecker {
 public:
  TermsChecker(const v1::Bundle& bundle, const Places& places, Problems* problems)
      : bundle_(bundle), places_(places), problems_(problems) {}

  void Check(const v1::Constraint& row, const std::string& path) const {
    const std::string charged = path + ".charged_on";
    if (places_.Has(charged) || !row.charged_on().empty()) CheckKind(row.charged_on(), charged);
    CheckReturns(row, path);
    CheckUnshown(row, path);
  }

 private:
  void Report(const std::string& path, std::string_view message) const {
    problems_->Add(places_.At(path), absl::StrCat(path, ": ", base::ToAbsl(message)));
  }

  void CheckKind(const std::string& kind, const std::string& path) const {
    if (!kind.empty() && kind.size() <= kKindBytesMax) return;
    Report(path, absl::StrCat(kind.size(), " bytes long; name a kind of outcome in 1 to ",
                              kKindBytesMax, " bytes, such as click"));
  }

  void CheckReturns(const v1::Constraint& row, const std::string& path) const {
    const std::string returned = path + ".returned_on";
    if (row.returned_on_size() > kKindsMax) {
      Report(returned,
             absl::StrCat(row.returned_on_size(), " kinds; at most ", kKindsMax, " are allowed"));
    }
    std::set<std::string> kinds;
    for (int i = 0; i < row.returned_on_size(); ++i) {
      const std::string& kind = row.returned_on(i);
      const std::string place = absl::StrCat(returned, "[", i, "]");
      CheckKind(kind, place);
      if (!kinds.insert(kind).second) {
        Report(place, absl::StrCat("'", kind.substr(0, 80), "' is given twice; remove one"));
      }
      if (kind == row.charged_on() && !kind.empty()) {
        Report(place, absl::StrCat("'", kind.substr(0, 80),
                                   "' is what the row is charged on; an outcome cannot do both, so "
                                   "remove it here or name another kind in 'charged_on'"));
      }
    }
    if (row.returned_on().empty() && places_.Has(path + ".return_window")) {
      Report(path + ".return_window",
             "nothing is returned to this row; name the kinds in 'returned_on' or remove it");
    }
  }

  void CheckUnshown(const v1::Constraint& row, const std::string& path) const {
    if (!places_.Has(path + ".unshown")) return;
    const auto waits = [&row](const v1::Surface& surface) {
      const auto& named = row.surfaces();
      return surface.exposure() == v1::EXPOSURE_REQUIRED &&
             (named.empty() || std::find(named.begin(), named.end(), surface.id()) != named.end());
    };
    if (std::any_of(bundle_.surfaces().begin(), bundle_.surfaces().end(), waits)) return;
    Report(path + ".unshown",
           "no surface in its scope waits for reports of exposure; add 'exposure: required' to one "
           "or remove it");
  }

  const v1::Bundle& bundle_;
  const Places& places_;
  Problems* problems_;
};

}  // namespace

void CheckTerms(const v1::Bundle& bundle, const Places& places, Problems* problems) {
  const TermsChecker checker(bundle, places, problems);
  for (int i = 0; i < bundle.constraints_size(); ++i) {
    checker.Check(bundle.constraints(i), absl::StrCat("constraints[", i, "]"));
  }
}

}  // namespace fulcrum::config
