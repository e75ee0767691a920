#include "decider/context_hash.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "base/fingerprint.h"

namespace fulcrum::decider {
namespace {

std::string_view BytesOf(const double& number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

}  // namespace

uint64_t HashContext(const domain::DecisionContext& context) {
  std::vector<const std::pair<const std::string, domain::FeatureValue>*> entries;
  entries.reserve(context.values.size());
  for (const auto& entry : context.values) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  uint64_t hash = base::kFingerprintStart;
  for (const auto* entry : entries) {
    hash = base::Fingerprint(entry->first, hash);
    if (const auto* number = std::get_if<double>(&entry->second)) {
      hash = base::Fingerprint(BytesOf(*number), base::Fingerprint("=", hash));
    } else if (const auto* text = std::get_if<std::string>(&entry->second)) {
      hash = base::Fingerprint(*text, base::Fingerprint("~", hash));
    }
    hash = base::Fingerprint(std::string_view("\0", 1), hash);
  }
  return hash;
}

}  // namespace fulcrum::decider
