#include "decision_log/quarantine.h"

#include <algorithm>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "decision_log/record_codec.h"

namespace fulcrum::decision_log {
namespace {

constexpr char kManifestSuffix[] = ".manifest";
constexpr uint64_t kManifestBytesMax = uint64_t{1} << 20;
constexpr size_t kSpansMax = 100;

std::string FolderOf(const std::string& directory) {
  return absl::StrCat(directory, "/", kQuarantineFolder);
}

// "decisions/00000000000000000001"
std::string StemOf(Stream stream, Lsn first) {
  const std::string name = SegmentName(first);
  return absl::StrCat(StreamName(stream), "/", name.substr(0, kSegmentNameDigits));
}

}  // namespace

std::string ToString(const LsnSpans& spans) {
  std::string text;
  for (size_t i = 0; i < std::min(spans.size(), kSpansMax); ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", spans[i].first);
    if (spans[i].second != spans[i].first) absl::StrAppend(&text, "-", spans[i].second);
  }
  if (spans.size() > kSpansMax) absl::StrAppend(&text, ", ... to ", spans.back().second);
  return text;
}

std::string SegmentOf(const Quarantine& quarantine) {
  return absl::StrCat(StreamName(quarantine.stream), "/", SegmentName(quarantine.first));
}

std::string ToString(const Quarantine& quarantine) {
  return absl::StrCat(StreamName(quarantine.stream), ": LSN ", quarantine.first, " to ",
                      quarantine.last, " are quarantined since ",
                      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMicros(quarantine.at_us),
                                       absl::UTCTimeZone()),
                      " (", kQuarantineFolder, "/", SegmentOf(quarantine),
                      "): ", quarantine.reason);
}

AuditRecord AuditOf(const Quarantine& quarantine) {
  AuditRecord audit;
  audit.actor = quarantine.actor;
  audit.action = kQuarantineAction;
  audit.target = SegmentOf(quarantine);
  audit.occurred_us = quarantine.at_us;
  audit.details = {{"first_lsn", absl::StrCat(quarantine.first)},
                   {"last_lsn", absl::StrCat(quarantine.last)},
                   {"known_lsn", absl::StrCat(quarantine.known)},
                   {"readable", quarantine.readable},
                   {"lost", quarantine.lost},
                   {"reason", quarantine.reason}};
  return audit;
}

absl::StatusOr<Quarantine> QuarantineOf(const AuditRecord& audit) {
  std::map<std::string, std::string> details;
  for (const AuditDetail& detail : audit.details) details[detail.name] = detail.value;
  Quarantine quarantine;
  const bool numbers = absl::SimpleAtoi(details["first_lsn"], &quarantine.first) &&
                       absl::SimpleAtoi(details["last_lsn"], &quarantine.last) &&
                       absl::SimpleAtoi(details["known_lsn"], &quarantine.known);
  const bool ordered = quarantine.first >= 1 && quarantine.first <= quarantine.last &&
                       quarantine.known <= quarantine.last && quarantine.last != ~Lsn{0};
  if (audit.target.starts_with(StreamName(Stream::kFeatures))) {
    quarantine.stream = Stream::kFeatures;
  }
  if (audit.action != kQuarantineAction || !numbers || !ordered ||
      audit.target != SegmentOf(quarantine)) {
    return absl::DataLossError("it does not say which log segment was quarantined");
  }
  quarantine.readable = details["readable"];
  quarantine.lost = details["lost"];
  quarantine.reason = details["reason"];
  quarantine.actor = audit.actor;
  quarantine.at_us = audit.occurred_us;
  return quarantine;
}

std::string EncodeManifest(const Quarantine& quarantine) {
  RecordEncoder encoder;
  RecordHeader header;
  header.type = RecordType::kAudit;
  header.lsn = quarantine.first;
  header.time_us = quarantine.at_us;
  std::string bytes;
  AppendRecord(header, encoder.Encode(LogEvent(AuditOf(quarantine))), &bytes);
  return bytes;
}

absl::StatusOr<Quarantine> DecodeManifest(std::string_view bytes) {
  if (bytes.size() < kRecordHeaderBytes) return absl::DataLossError("it is cut short");
  const RecordHeader header = DecodeRecordHeader(bytes);
  if (header.payload_bytes > kPayloadBytesMax ||
      bytes.size() != RecordBytes(header.payload_bytes)) {
    return absl::DataLossError("its length is wrong");
  }
  FULCRUM_RETURN_IF_ERROR(CheckRecord(bytes));
  FULCRUM_ASSIGN_OR_RETURN(
      const LogEvent event,
      ParseEvent(header.type, bytes.substr(kRecordHeaderBytes, header.payload_bytes)));
  const auto* const audit = std::get_if<AuditRecord>(&event);
  if (audit == nullptr) return absl::DataLossError("it is no audit record");
  return QuarantineOf(*audit);
}

const Quarantine* Quarantines::Of(Lsn lsn) const {
  return lsn == ~Lsn{0} ? nullptr : Next(lsn, lsn + 1);
}

const Quarantine* Quarantines::Next(Lsn from, Lsn before) const {
  for (const Quarantine& one : all) {
    if (one.last >= from) return one.first < before ? &one : nullptr;
  }
  return nullptr;
}

Lsn Quarantines::Begin(Lsn segment) const {
  for (auto one = all.rbegin(); one != all.rend(); ++one) {
    if (one->first < segment && one->last + 1 >= segment) segment = one->first;
  }
  return segment;
}

Lsn Quarantines::Given(Lsn lsn) const {
  for (const auto& [first, last] : never_given) {
    if (first <= lsn && lsn <= last) return last + 1;
  }
  return lsn;
}

absl::StatusOr<Quarantines> ReadQuarantines(base::FileSystem* files, const std::string& directory,
                                            Stream stream) {
  Quarantines found;
  const std::string folder = absl::StrCat(FolderOf(directory), "/", StreamName(stream));
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, files->Exists(folder));
  if (!exists) return found;
  FULCRUM_ASSIGN_OR_RETURN(std::vector<std::string> names, files->List(folder));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (!name.ends_with(kManifestSuffix)) continue;
    const std::string path = absl::StrCat(folder, "/", name);
    const absl::StatusOr<std::string> bytes = base::ReadWholeFile(files, path, kManifestBytesMax);
    if (!bytes.ok() && !absl::IsResourceExhausted(bytes.status())) return bytes.status();
    absl::StatusOr<Quarantine> one = DecodeManifest(bytes.value_or(""));
    const bool right = one.ok() && one->stream == stream &&
                       absl::StrCat(StemOf(stream, one->first), kManifestSuffix) ==
                           absl::StrCat(StreamName(stream), "/", name);
    if (!right) {
      found.unreadable.push_back(path);
      continue;
    }
    FULCRUM_ASSIGN_OR_RETURN(const bool back,
                             files->Exists(absl::StrCat(directory, "/", SegmentOf(*one))));
    if (!back) {
      found.all.push_back(*std::move(one));
    } else if (one->known < one->last) {
      found.never_given.emplace_back(std::max(one->first, one->known + 1), one->last);
    }
  }
  return found;
}

absl::Status MoveToQuarantine(base::FileSystem* files, const std::string& directory,
                              const Quarantine& quarantine) {
  const std::string folder = FolderOf(directory);
  // Both streams' folders, so that the quarantine can be read as a log.
  for (const Stream stream : {Stream::kDecisions, Stream::kFeatures}) {
    FULCRUM_RETURN_IF_ERROR(
        files->CreateDirectories(absl::StrCat(folder, "/", StreamName(stream))));
  }
  FULCRUM_RETURN_IF_ERROR(files->SyncDirectory(directory));
  FULCRUM_RETURN_IF_ERROR(files->SyncDirectory(folder));
  // The manifest first: a segment that is gone without one is damage.
  const std::string stem = StemOf(quarantine.stream, quarantine.first);
  FULCRUM_RETURN_IF_ERROR(base::WriteFileAtomically(
      files, absl::StrCat(folder, "/", stem, kManifestSuffix), EncodeManifest(quarantine)));
  const std::string segment = SegmentOf(quarantine);
  FULCRUM_RETURN_IF_ERROR(
      files->Rename(absl::StrCat(directory, "/", segment), absl::StrCat(folder, "/", segment)));
  // The new name before the old one is gone for good.
  FULCRUM_RETURN_IF_ERROR(
      files->SyncDirectory(absl::StrCat(folder, "/", StreamName(quarantine.stream))));
  return files->SyncDirectory(absl::StrCat(directory, "/", StreamName(quarantine.stream)));
}

}  // namespace fulcrum::decision_log
