#include "config/problem.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fulcrum::config {

std::string Place::ToString() const {
  return line == 0 ? file : absl::StrCat(file, ":", line, ":", column);
}

std::string Problem::ToString() const {
  return absl::StrCat(place.ToString(), ": ", message);
}

void Problems::Add(Place place, std::string message) {
  ++count_;
  // Quoted input may hold line breaks and terminal commands; one problem is one line.
  std::replace_if(
      message.begin(), message.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  if (kept_.size() < kProblemsMax) kept_.push_back({std::move(place), std::move(message)});
}

void Problems::SortByPlace() {
  std::stable_sort(kept_.begin(), kept_.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.place.file, a.place.line, a.place.column) <
           std::tie(b.place.file, b.place.line, b.place.column);
  });
}

absl::Status Problems::ToStatus() const {
  if (empty()) return absl::OkStatus();
  std::string text;
  for (const Problem& problem : kept_) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", problem.ToString());
  }
  if (count_ > kept_.size()) {
    absl::StrAppend(&text, "\n... and ", count_ - kept_.size(), " more");
  }
  return absl::InvalidArgumentError(text);
}

}  // namespace fulcrum::config
