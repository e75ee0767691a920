#include "replay/history.h"

#include <algorithm>
#include <utility>

namespace fulcrum::replay {
namespace {

std::shared_ptr<const scoring::Posteriors> CopyOf(const learning::OutcomeFold& fold) {
  return std::make_shared<const scoring::Posteriors>(fold.posteriors());
}

}  // namespace

// The decisions of one bundle and one model.
struct History::Line {
  std::map<Lsn, Copy> copies;  // by the LSN that the posteriors hold the log up to
  Lsn last_copy = 0;           // the largest
  bool opened = false;
  std::string missing;  // why there are no artefacts; empty if there are
  Artefacts artefacts;
  std::unique_ptr<learning::OutcomeFold> fold;  // gone after the last copy
};

History::History(base::FileSystem* files, std::string log_directory)
    : files_(files), log_directory_(std::move(log_directory)) {}

History::~History() = default;

void History::Announce(Lsn lsn, const DecisionRecord& record) {
  std::unique_ptr<Line>& line = lines_[{record.versions.bundle, record.versions.model}];
  if (line == nullptr) line = std::make_unique<Line>();
  if (!line->opened) Open(record.versions, line.get());
  const Lsn posterior = record.versions.posterior_lsn;
  line->copies[posterior].last_user = lsn;
  line->last_copy = std::max(line->last_copy, posterior);
}

void History::Open(const Versions& versions, Line* line) const {
  line->opened = true;
  absl::StatusOr<Artefacts> artefacts = LoadArchived(files_, log_directory_, versions);
  if (!artefacts.ok()) {
    line->missing = std::string(artefacts.status().message());
    return;
  }
  line->artefacts = *std::move(artefacts);
  line->fold = std::make_unique<learning::OutcomeFold>(line->artefacts.start);
  line->copies[0].posteriors = CopyOf(*line->fold);  // wanted or not
}

void History::Apply(Lsn lsn, const LogEvent& event) {
  gap_ |= lsn != applied_ + 1;
  applied_ = lsn;
  for (auto& [key, line] : lines_) {
    if (line->fold == nullptr) continue;
    line->fold->Apply(lsn, event);
    const auto copy = line->copies.find(lsn);
    // Posteriors bear the LSN of the last record that changed them.
    if (copy != line->copies.end() && !gap_ && line->fold->posteriors().lsn() == lsn) {
      copy->second.posteriors = CopyOf(*line->fold);
    }
    if (lsn >= line->last_copy) line->fold.reset();
  }
  const auto* const record = std::get_if<DecisionRecord>(&event);
  Line* const line = record == nullptr ? nullptr : LineOf(*record);
  if (line == nullptr) return;
  const auto used = line->copies.find(record->versions.posterior_lsn);
  if (used != line->copies.end() && used->second.last_user == lsn) line->copies.erase(used);
}

std::optional<World> History::Find(Lsn lsn, const DecisionRecord& record, std::string* why) {
  const Line* const line = LineOf(record);
  if (line == nullptr) {
    *why = "logged while the replay ran";
    return std::nullopt;
  }
  if (!line->missing.empty()) {
    *why = line->missing;
    return std::nullopt;
  }
  const auto copy = line->copies.find(record.versions.posterior_lsn);
  if (copy == line->copies.end() || copy->second.posteriors == nullptr) {
    *why = gap_ || lsn != applied_ + 1
               ? "the log lacks records before it, so its posteriors cannot be folded"
               : "the posteriors that it names are not in the log before it";
    return std::nullopt;
  }
  return World{line->artefacts.bundle.get(), line->artefacts.model.get(),
               copy->second.posteriors.get(), copy->second.posteriors};
}

History::Line* History::LineOf(const DecisionRecord& record) {
  const auto found = lines_.find({record.versions.bundle, record.versions.model});
  return found == lines_.end() ? nullptr : found->second.get();
}

}  // namespace fulcrum::replay
