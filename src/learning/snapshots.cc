#include "learning/snapshots.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace fulcrum::learning {
namespace {

constexpr char kPrefix[] = "posterior-";
constexpr size_t kPrefixBytes = sizeof kPrefix - 1;
constexpr size_t kDigits = 20;
constexpr size_t kKept = 2;
constexpr uint64_t kSnapshotBytesMax = uint64_t{1} << 34;

std::string PathOf(const std::string& directory, Lsn lsn) {
  return absl::StrCat(directory, "/", kPrefix, absl::StrFormat("%020d", lsn));
}

// Twenty digits and nothing else: not the temporary file of an unfinished write.
std::optional<Lsn> LsnOf(const std::string& name) {
  Lsn lsn = 0;
  if (!absl::StartsWith(name, kPrefix) || name.size() != kPrefixBytes + kDigits) return {};
  if (!absl::SimpleAtoi(name.substr(kPrefixBytes), &lsn)) return {};
  return lsn;
}

// Newest first.
absl::StatusOr<std::vector<Lsn>> ListSnapshots(base::FileSystem* files,
                                               const std::string& directory) {
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<std::string> names, files->List(directory));
  std::vector<Lsn> found;
  for (const std::string& name : names) {
    if (const auto lsn = LsnOf(name)) found.push_back(*lsn);
  }
  std::sort(found.begin(), found.end(), std::greater<>());
  return found;
}

absl::Status RemoveBeyond(base::FileSystem* files, const std::string& directory, Lsn log_last,
                          std::vector<Lsn>* snapshots, SnapshotReport* report) {
  while (!snapshots->empty() && snapshots->front() > log_last) {
    const std::string path = PathOf(directory, snapshots->front());
    FULCRUM_RETURN_IF_ERROR(files->Remove(path));
    report->removed.push_back({path, snapshots->front()});
    snapshots->erase(snapshots->begin());
  }
  return report->removed.empty() ? absl::OkStatus() : files->SyncDirectory(directory);
}

// If it began with another start, `charges` becomes what it holds of them, unless there are some.
absl::StatusOr<OutcomeFold> Load(base::FileSystem* files, const std::string& path,
                                 const FoldStart& start, Lsn lsn,
                                 std::optional<decision_log::Charges>* charges) {
  FULCRUM_ASSIGN_OR_RETURN(const std::string bytes,
                           base::ReadWholeFile(files, path, kSnapshotBytesMax));
  auto fold = OutcomeFold::Parse(bytes, start);
  if (absl::IsFailedPrecondition(fold.status()) && !charges->has_value()) {
    auto parsed = OutcomeFold::ParseCharges(bytes);
    if (parsed.ok() && parsed->lsn() <= lsn) *charges = *std::move(parsed);
  }
  if (!fold.ok() || fold->lsn() == lsn) return fold;
  return absl::DataLossError(
      absl::StrCat("posterior snapshot: it is of LSN ", fold->lsn(), ", its name says another"));
}

}  // namespace

absl::StatusOr<OutcomeFold> LoadNewest(base::FileSystem* files, const std::string& directory,
                                       const FoldStart& start, Lsn log_last,
                                       SnapshotReport* report) {
  *report = SnapshotReport();
  FULCRUM_ASSIGN_OR_RETURN(std::vector<Lsn> snapshots, ListSnapshots(files, directory));
  FULCRUM_RETURN_IF_ERROR(RemoveBeyond(files, directory, log_last, &snapshots, report));
  // Of a newer fold that began with another start: they depend on the log alone, which may not be
  // there any more from its beginning.
  std::optional<decision_log::Charges> charges;
  for (const Lsn lsn : snapshots) {
    const std::string path = PathOf(directory, lsn);
    auto fold = Load(files, path, start, lsn, &charges);
    if (fold.ok()) {
      report->used = path;
      if (charges.has_value()) fold->AdoptCharges(*std::move(charges));
      return fold;
    }
    report->skipped.push_back(absl::StrCat(path, ": ", fold.status().message()));
  }
  OutcomeFold fold(start);
  if (charges.has_value()) fold.AdoptCharges(*std::move(charges));
  return fold;
}

absl::Status WriteSnapshot(base::FileSystem* files, const std::string& directory, Lsn lsn,
                           std::string_view bytes) {
  FULCRUM_RETURN_IF_ERROR(base::WriteFileAtomically(files, PathOf(directory, lsn), bytes));
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<Lsn> snapshots, ListSnapshots(files, directory));
  for (size_t i = kKept; i < snapshots.size(); ++i) {
    FULCRUM_RETURN_IF_ERROR(files->Remove(PathOf(directory, snapshots[i])));
  }
  return absl::OkStatus();
}

}  // namespace fulcrum::learning
