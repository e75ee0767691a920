#include "apps/demo_service.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace fulcrum::apps {
namespace {

namespace fs = std::filesystem;

constexpr char kMarker[] = "fulcrum-demo";

std::string SelfPath() {
  return fs::read_symlink("/proc/self/exe").string();
}

std::string BinaryBeside(const char* name) {
  return (fs::path(SelfPath()).parent_path() / name).string();
}

absl::Status RunTool(const std::vector<std::string>& words, const std::string& log_path) {
  FULCRUM_ASSIGN_OR_RETURN(ChildProcess child, ChildProcess::Start(words, log_path));
  FULCRUM_ASSIGN_OR_RETURN(const int code, child.Wait(absl::Minutes(2)));
  if (code == 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("`", absl::StrJoin(words, " "), "` ended with code ", code, "; see ", log_path));
}

absl::StatusOr<std::string> AddressOf(ChildProcess& process, const std::string& ready,
                                      const std::string& log) {
  for (int i = 0; i < 3000 && !fs::exists(ready); ++i) {
    if (process.Ended()) {
      return absl::InternalError(
          absl::StrCat("fulcrumd ended with code ", process.exit_code(), "; see ", log));
    }
    usleep(10000);
  }
  std::ifstream file(ready);
  int port = 0;
  if (!(file >> port)) return absl::DeadlineExceededError("fulcrumd did not get ready; see " + log);
  return absl::StrCat("127.0.0.1:", port);
}

}  // namespace

absl::Status PrepareDemo(const std::string& work, const std::string& bundle) {
  std::error_code error;
  const fs::path marker = fs::path(work) / kMarker;
  if (fs::exists(work) && !fs::is_empty(work, error) && !fs::exists(marker)) {
    return absl::FailedPreconditionError(
        absl::StrCat(work, " is not empty and not of an earlier demo; name another with --work"));
  }
  fs::remove_all(work, error);
  fs::create_directories(DemoConfig(work), error);
  if (error) {
    return absl::InternalError(absl::StrCat("cannot make ", work, ": ", error.message()));
  }
  std::ofstream(marker) << "made by `fulcrum demo`, which may delete it\n";
  for (const auto& file : fs::directory_iterator(bundle, error)) {
    if (file.path().extension() == ".yaml") {
      fs::copy_file(file.path(), fs::path(DemoConfig(work)) / file.path().filename(), error);
    }
  }
  if (!error) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("cannot copy the bundle from ", bundle, ": ", error.message()));
}

std::string DemoConfig(const std::string& work) {
  return absl::StrCat(work, "/config");
}

absl::Status LoadDemoRows(const std::string& work, const std::string& view, const std::string& file,
                          const std::string& csv) {
  const std::string path = absl::StrCat(work, "/", file);
  FULCRUM_RETURN_IF_ERROR(base::WriteFileAtomically(base::PosixFileSystem(), path, csv));
  return RunTool({BinaryBeside("fulcrum"), "load", "--config", DemoConfig(work), "--view", view,
                  "--file", path},
                 absl::StrCat(work, "/load.txt"));
}

absl::StatusOr<std::unique_ptr<DemoService>> DemoService::Start(const std::string& work,
                                                                uint64_t seed) {
  const std::string ready = absl::StrCat(work, "/ready");
  const std::string log = absl::StrCat(work, "/fulcrumd.txt");
  FULCRUM_ASSIGN_OR_RETURN(
      ChildProcess process,
      ChildProcess::Start({BinaryBeside("fulcrumd"), "--config", DemoConfig(work), "--clock",
                           "request", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0",
                           "--seed", absl::StrCat(seed), "--ready-file", ready},
                          log));
  FULCRUM_ASSIGN_OR_RETURN(const std::string address, AddressOf(process, ready, log));
  auto client = DecisionClient::Connect(address);
  FULCRUM_RETURN_IF_ERROR(client->WaitUntilServing(absl::Seconds(10)));
  return std::unique_ptr<DemoService>(new DemoService(log, std::move(process), std::move(client)));
}

absl::Status DemoService::Stop() {
  client_.reset();  // an open connection is waited for
  process_.Signal(SIGTERM);
  FULCRUM_ASSIGN_OR_RETURN(const int code, process_.Wait(absl::Seconds(30)));
  if (code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("fulcrumd ended with code ", code, "; see ", log_));
}

}  // namespace fulcrum::apps
