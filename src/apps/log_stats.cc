#include "apps/log_stats.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "apps/log_entry_text.h"
#include "apps/log_filter.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "decision_log/event_json.h"
#include "decision_log/record_codec.h"
#include "decision_log/record_names.h"
#include "decision_log/stream_reader.h"

namespace fulcrum::apps {
namespace {

using decision_log::Found;
using decision_log::RecordView;
using decision_log::Stream;
using decision_log::StreamReader;

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

void CountFiles(const std::string& directory, StreamSummary* summary) {
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(directory, error)) {
    if (file.path().extension() != ".fulcrumlog") continue;
    const uint64_t bytes = file.file_size(error);
    if (error) continue;  // retention may have taken it
    ++summary->segments;
    summary->file_bytes += bytes;
  }
}

void Count(const RecordView& record, StreamSummary* summary) {
  if (summary->records++ == 0) {
    summary->first_lsn = record.header.lsn;
    summary->first_us = summary->last_us = record.header.time_us;
  }
  summary->last_lsn = record.header.lsn;
  summary->first_us = std::min(summary->first_us, record.header.time_us);
  summary->last_us = std::max(summary->last_us, record.header.time_us);
  summary->payload_bytes += record.payload.size();
  summary->stored_bytes += record.header.payload_bytes;
}

void CountEvent(const LogEvent& event, LogSummary* summary) {
  ++summary->by_type[decision_log::EventTypeName(event)];
  const auto* const decision = std::get_if<DecisionRecord>(&event);
  if (decision == nullptr) return;
  ++summary->by_surface[decision->surface];
  ++summary->by_degradation[decision_log::NameOf(decision->degradation)];
  ++summary->by_detail[decision_log::NameOf(decision->detail)];
  for (const std::string& rule : decision->redacted) ++summary->by_masking_rule[rule];
}

absl::Status Walk(const std::string& directory, Stream stream, StreamSummary* part,
                  LogSummary* summary) {
  CountFiles(absl::StrCat(directory, "/", decision_log::StreamName(stream)), part);
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<StreamReader> reader,
                           StreamReader::Open(base::PosixFileSystem(), directory, stream, 0));
  Found found = Found::kRecord;
  for (;;) {
    RecordView record;
    FULCRUM_ASSIGN_OR_RETURN(found, reader->GoOn(found == Found::kDamaged, &record));
    if (found == Found::kEnd) return absl::OkStatus();
    if (found == Found::kDamaged) {
      const decision_log::Damage& damage = reader->damage();
      if (damage.quarantined.has_value()) {
        summary->quarantined.push_back(ToString(damage));
      } else {
        ++summary->damaged;
      }
      continue;
    }
    Count(record, part);
    if (stream == Stream::kFeatures) continue;
    const absl::StatusOr<LogEvent> event =
        decision_log::DecodeEvent(record.header.type, record.payload);
    if (event.ok()) {
      CountEvent(*event, summary);
    } else {
      ++summary->damaged;
    }
  }
}

double Ratio(const StreamSummary& part) {
  return part.stored_bytes == 0
             ? 1.0
             : static_cast<double>(part.payload_bytes) / static_cast<double>(part.stored_bytes);
}

void AppendStream(const char* name, const StreamSummary& part, std::string* text) {
  absl::StrAppendFormat(text, "%s: %d records in %d segments, %d bytes of files\n", name,
                        part.records, part.segments, part.file_bytes);
  if (part.records == 0) return;
  absl::StrAppendFormat(text, "  LSN %d to %d, %s to %s\n", part.first_lsn, part.last_lsn,
                        Rfc3339(part.first_us), Rfc3339(part.last_us));
  absl::StrAppendFormat(text, "  payloads of %d bytes, stored in %d: compressed %.2f times\n",
                        part.payload_bytes, part.stored_bytes, Ratio(part));
}

void AppendCounts(const char* title, const std::map<std::string, uint64_t>& counts,
                  std::string* text) {
  absl::StrAppend(text, title, "\n");
  for (const auto& [name, count] : counts) {
    absl::StrAppendFormat(text, "  %-20s %12d\n", name, count);
  }
}

void WriteStream(const char* name, const StreamSummary& part, JsonWriter* writer) {
  writer->Key(name);
  writer->StartObject();
  const auto number = [&](const char* key, uint64_t value) {
    writer->Key(key);
    writer->Uint64(value);
  };
  number("segments", part.segments);
  number("file_bytes", part.file_bytes);
  number("records", part.records);
  number("payload_bytes", part.payload_bytes);
  number("stored_bytes", part.stored_bytes);
  writer->Key("compression_ratio");
  writer->Double(Ratio(part));
  number("first_lsn", part.first_lsn);
  number("last_lsn", part.last_lsn);
  writer->Key("first_time_us");
  writer->Int64(part.first_us);
  writer->Key("last_time_us");
  writer->Int64(part.last_us);
  writer->EndObject();
}

void WriteCounts(const char* name, const std::map<std::string, uint64_t>& counts,
                 JsonWriter* writer) {
  writer->Key(name);
  writer->StartObject();
  for (const auto& [key, count] : counts) {
    writer->Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
    writer->Uint64(count);
  }
  writer->EndObject();
}

}  // namespace

absl::StatusOr<LogSummary> SummarizeLog(const std::string& directory) {
  FULCRUM_ASSIGN_OR_RETURN(const bool exists,
                           base::PosixFileSystem()->Exists(directory + "/decisions"));
  if (!exists) {
    return absl::NotFoundError(
        absl::StrCat("'", directory, "' is not a decision log: it has no folder 'decisions'"));
  }
  LogSummary summary;
  FULCRUM_RETURN_IF_ERROR(Walk(directory, Stream::kDecisions, &summary.decisions, &summary));
  FULCRUM_RETURN_IF_ERROR(Walk(directory, Stream::kFeatures, &summary.features, &summary));
  return summary;
}

std::string ToText(const LogSummary& summary) {
  std::string text;
  AppendStream("decisions", summary.decisions, &text);
  AppendStream("features", summary.features, &text);
  AppendCounts("events by type", summary.by_type, &text);
  AppendCounts("decisions by surface", summary.by_surface, &text);
  AppendCounts("decisions by degradation", summary.by_degradation, &text);
  AppendCounts("decisions by detail", summary.by_detail, &text);
  if (!summary.by_masking_rule.empty()) {
    AppendCounts("decisions by masking rule", summary.by_masking_rule, &text);
  }
  for (const std::string& gap : summary.quarantined) absl::StrAppend(&text, gap, "\n");
  absl::StrAppend(&text, "damaged places: ", summary.damaged,
                  summary.damaged == 0 ? "" : " (fulcrum log verify says where)");
  return text;
}

std::string ToJson(const LogSummary& summary) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  WriteStream("decisions", summary.decisions, &writer);
  WriteStream("features", summary.features, &writer);
  WriteCounts("by_type", summary.by_type, &writer);
  WriteCounts("by_surface", summary.by_surface, &writer);
  WriteCounts("by_degradation", summary.by_degradation, &writer);
  WriteCounts("by_detail", summary.by_detail, &writer);
  WriteCounts("by_masking_rule", summary.by_masking_rule, &writer);
  writer.Key("quarantined");
  writer.StartArray();
  for (const std::string& gap : summary.quarantined) writer.String(gap.c_str());
  writer.EndArray();
  writer.Key("damaged");
  writer.Uint64(summary.damaged);
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace fulcrum::apps
