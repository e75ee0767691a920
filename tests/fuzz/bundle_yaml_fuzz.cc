// YAML text -> loader: whatever the text is, the loader answers with a bundle or with problems that
// have a place, and what it accepts it accepts again with the same digest.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "config/loader.h"

namespace {

using fulcrum::config::BuildBundle;
using fulcrum::config::Problems;

// A world without files: a model that the text names cannot be read.
class NoFiles final : public fulcrum::base::FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<fulcrum::base::AppendFile>> OpenForAppend(
      const std::string&, fulcrum::base::OpenMode) override {
    return None();
  }
  absl::StatusOr<std::unique_ptr<fulcrum::base::ReadFile>> OpenForRead(
      const std::string&) override {
    return None();
  }
  absl::Status Rename(const std::string&, const std::string&) override { return None(); }
  absl::Status Remove(const std::string&) override { return None(); }
  absl::Status CreateDirectories(const std::string&) override { return None(); }
  absl::Status SyncDirectory(const std::string&) override { return None(); }
  absl::StatusOr<std::vector<std::string>> List(const std::string&) override { return None(); }
  absl::StatusOr<bool> Exists(const std::string&) override { return false; }
  absl::StatusOr<std::unique_ptr<fulcrum::base::FileLock>> Lock(const std::string&) override {
    return None();
  }

 private:
  static absl::Status None() { return absl::NotFoundError("no files here"); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  NoFiles files;
  Problems problems;
  const auto bundle = BuildBundle(&files, {{"fuzz.yaml", text}}, "/fuzz", &problems);
  FULCRUM_CHECK(bundle.ok() == problems.empty());
  for (const auto& problem : problems.kept()) {
    FULCRUM_CHECK(!problem.place.file.empty() && problem.place.line >= 0);
    FULCRUM_CHECK(!problem.message.empty());
  }
  if (bundle.ok()) {
    Problems again;
    const auto second =
        BuildBundle(&files, {{"fuzz.yaml", text + "\n# a comment\n"}}, "/fuzz", &again);
    FULCRUM_CHECK(second.ok() && (*second)->digest == (*bundle)->digest);
  }
  return 0;
}
