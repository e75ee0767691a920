#include "exchange/vw_text.h"

#include <cmath>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "exchange/logged_choice.h"

namespace fulcrum::exchange {
namespace {

// The one labelled action before the features. Unlabelled ones say what could have been chosen.
absl::StatusOr<std::vector<std::string>> Label(std::string_view text) {
  const size_t bar = text.find('|');
  if (bar == std::string_view::npos) return absl::InvalidArgumentError("there is no '|'");
  std::vector<std::string> label;
  const std::string labels(text.substr(0, bar));
  const std::vector<std::string> words =
      absl::StrSplit(labels, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  for (const std::string& word : words) {
    std::vector<std::string> parts = absl::StrSplit(word, ':');
    if (parts.size() == 1) continue;
    if (parts.size() != 3 || parts[0].empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", word, "' is not action:cost:probability"));
    }
    if (!label.empty()) return absl::InvalidArgumentError("two actions have a cost");
    label = std::move(parts);
  }
  if (label.empty()) return absl::InvalidArgumentError("no action has a cost and a probability");
  return label;
}

}  // namespace

absl::StatusOr<std::vector<LogRecord>> FromVwText(std::string_view text, uint64_t line) {
  const absl::StatusOr<std::vector<std::string>> label = Label(text);
  if (!label.ok()) return label.status();
  double cost = 0;
  double probability = 0;
  if (!absl::SimpleAtod((*label)[1], &cost) || !std::isfinite(cost)) {
    return absl::InvalidArgumentError(absl::StrCat("the cost is no number: ", (*label)[1]));
  }
  if (!absl::SimpleAtod((*label)[2], &probability)) {
    return absl::InvalidArgumentError(absl::StrCat("the probability is no number: ", (*label)[2]));
  }
  return RecordsOf({.line = line,
                    .surface = "vw",
                    .action = (*label)[0],
                    .probability = probability,
                    .reward = 0 - cost});
}

}  // namespace fulcrum::exchange
