#include "exchange/checkpoint.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace fulcrum::exchange {
namespace {

using rapidjson::Value;
using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

constexpr uint64_t kFileBytesMax = uint64_t{4} << 20;

void Put(Writer* writer, const char* name, uint64_t number) {
  writer->Key(name);
  writer->Uint64(number);
}

void Put(Writer* writer, const char* name, const std::string& text) {
  writer->Key(name);
  writer->String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void Put(Writer* writer, const char* name, const StreamEnd& end) {
  writer->Key(name);
  writer->StartObject();
  Put(writer, "lsn", end.lsn);
  writer->Key("time_us");
  writer->Int64(end.time_us);
  writer->EndObject();
}

std::string ToText(const Checkpoint& checkpoint) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  Put(&writer, "what", checkpoint.what);
  Put(&writer, "taken", checkpoint.taken);
  Put(&writer, "sum", uint64_t{checkpoint.sum});
  Put(&writer, "bytes", checkpoint.bytes);
  Put(&writer, "decisions", checkpoint.decisions);
  Put(&writer, "features", checkpoint.features);
  Put(&writer, "whole", uint64_t{checkpoint.whole});
  Put(&writer, "events", checkpoint.report.events);
  Put(&writer, "snapshots", checkpoint.report.snapshots);
  Put(&writer, "rows", checkpoint.report.rows);
  Put(&writer, "bad_count", checkpoint.report.bad_count);
  writer.Key("bad_lines");
  writer.StartArray();
  for (const BadLine& bad : checkpoint.report.bad_lines) {
    writer.StartObject();
    Put(&writer, "line", bad.line);
    Put(&writer, "reason", bad.reason);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

// Reads members of objects, and remembers whether one was missing.
class Members {
 public:
  uint64_t Number(const Value& object, const char* name) {
    const Value* const value = Find(object, name);
    if (value != nullptr && value->IsUint64()) return value->GetUint64();
    whole_ = false;
    return 0;
  }
  std::string Text(const Value& object, const char* name) {
    const Value* const value = Find(object, name);
    if (value != nullptr && value->IsString()) {
      return {value->GetString(), value->GetStringLength()};
    }
    whole_ = false;
    return {};
  }
  StreamEnd End(const Value& object, const char* name) {
    const Value* const value = Find(object, name);
    const Value* const time = value == nullptr ? nullptr : Find(*value, "time_us");
    if (time != nullptr && time->IsInt64()) return {Number(*value, "lsn"), time->GetInt64()};
    whole_ = false;
    return {};
  }
  std::vector<BadLine> BadLines(const Value& object, const char* name) {
    std::vector<BadLine> lines;
    const Value* const value = Find(object, name);
    if (value == nullptr || !value->IsArray()) {
      whole_ = false;
      return lines;
    }
    for (const Value& one : value->GetArray()) {
      lines.push_back({Number(one, "line"), Text(one, "reason")});
    }
    return lines;
  }
  bool whole() const { return whole_; }

 private:
  static const Value* Find(const Value& object, const char* name) {
    if (!object.IsObject()) return nullptr;
    const auto member = object.FindMember(name);
    return member == object.MemberEnd() ? nullptr : &member->value;
  }

  bool whole_ = true;
};

std::optional<Checkpoint> FromText(const std::string& text) {
  rapidjson::Document object;
  object.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (object.HasParseError()) return std::nullopt;
  Members members;
  Checkpoint checkpoint;
  checkpoint.what = members.Text(object, "what");
  checkpoint.taken = members.Number(object, "taken");
  checkpoint.sum = static_cast<uint32_t>(members.Number(object, "sum"));
  checkpoint.bytes = members.Number(object, "bytes");
  checkpoint.decisions = members.End(object, "decisions");
  checkpoint.features = members.End(object, "features");
  checkpoint.whole = members.Number(object, "whole") != 0;
  checkpoint.report.events = members.Number(object, "events");
  checkpoint.report.snapshots = members.Number(object, "snapshots");
  checkpoint.report.rows = members.Number(object, "rows");
  checkpoint.report.bad_count = members.Number(object, "bad_count");
  checkpoint.report.bad_lines = members.BadLines(object, "bad_lines");
  if (!members.whole()) return std::nullopt;
  return checkpoint;
}

}  // namespace

absl::Status SaveCheckpoint(base::FileSystem* files, const std::string& path,
                            const Checkpoint& checkpoint) {
  return base::WriteFileAtomically(files, path, ToText(checkpoint));
}

absl::StatusOr<std::optional<Checkpoint>> LoadCheckpoint(base::FileSystem* files,
                                                         const std::string& path) {
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, files->Exists(path));
  if (!exists) return std::optional<Checkpoint>();
  FULCRUM_ASSIGN_OR_RETURN(const std::string text, base::ReadWholeFile(files, path, kFileBytesMax));
  std::optional<Checkpoint> checkpoint = FromText(text);
  if (checkpoint.has_value()) return checkpoint;
  return absl::DataLossError(
      absl::StrCat("'", path, "' does not say how far it had come; begin anew, without --resume"));
}

absl::Status CheckSame(const Checkpoint& checkpoint, const std::string& what) {
  if (checkpoint.what == what) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("what was interrupted is another transfer (",
                                                    checkpoint.what, ", not ", what,
                                                    "); begin anew, without --resume"));
}

absl::Status RemoveCheckpoint(base::FileSystem* files, const std::string& path) {
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, files->Exists(path));
  if (!exists) return absl::OkStatus();
  FULCRUM_RETURN_IF_ERROR(files->Remove(path));
  return files->SyncDirectory(FolderOf(path));
}

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace fulcrum::exchange
