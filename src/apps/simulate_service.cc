#include "apps/simulate_service.h"

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
#include "simulation/frozen_model.h"

namespace fulcrum::apps {
namespace {

namespace fs = std::filesystem;

// Far above anything but a hung service: a slow machine makes an answer late, not absent.
const absl::Duration kCallTimeout = absl::Seconds(60);
constexpr char kMarker[] = "fulcrum-simulation";

std::string BinaryBeside(const char* name) {
  return (fs::read_symlink("/proc/self/exe").parent_path() / name).string();
}

absl::Status LoadUsers(const std::string& work, const simulation::World& world, uint32_t users) {
  const std::string file = absl::StrCat(work, "/users.csv");
  const std::string log = absl::StrCat(work, "/load.txt");
  FULCRUM_RETURN_IF_ERROR(
      base::WriteFileAtomically(base::PosixFileSystem(), file, simulation::UsersCsv(world, users)));
  FULCRUM_ASSIGN_OR_RETURN(
      ChildProcess load,
      ChildProcess::Start({BinaryBeside("fulcrum"), "load", "--config",
                           absl::StrCat(work, "/config"), "--view", "user_profile", "--file", file},
                          log));
  FULCRUM_ASSIGN_OR_RETURN(const int code, load.Wait(absl::Minutes(5)));
  if (code == 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("`fulcrum load` of ", file, " ended with code ", code, "; see ", log));
}

absl::StatusOr<std::string> AddressOf(ChildProcess& process, const std::string& work) {
  const std::string ready = absl::StrCat(work, "/ready");
  const std::string log = absl::StrCat(work, "/fulcrumd.txt");
  for (int i = 0; i < 6000 && !fs::exists(ready); ++i) {
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

absl::Status PrepareSimulation(const std::string& work) {
  std::error_code error;
  const fs::path marker = fs::path(work) / kMarker;
  if (fs::exists(work) && !fs::is_empty(work, error) && !fs::exists(marker)) {
    return absl::FailedPreconditionError(absl::StrCat(
        work, " is not empty and not of an earlier simulation; name another with --work"));
  }
  fs::remove_all(work, error);
  fs::create_directories(fs::path(work) / "config", error);
  if (error) {
    return absl::InternalError(absl::StrCat("cannot make ", work, ": ", error.message()));
  }
  return base::WriteFileAtomically(base::PosixFileSystem(), marker.string(),
                                   "made by `fulcrum simulate`, which may delete it\n");
}

absl::StatusOr<simulation::Endpoint::Answer> ClientEndpoint::Decide(
    const simulation::Visit& visit) {
  DecisionRequest request;
  request.request_id = absl::StrCat("visit-", visit.number);
  request.user_id = simulation::UserIdOf(visit.user);
  request.surface = simulation::kSurface;
  request.occurred_at = visit.time;
  request.slate_size = static_cast<uint32_t>(world_->positions.size());
  if (world_->has_context) {
    request.context[simulation::kContextKey] = world_->ContextAt(visit.time, visit.cell);
  }
  FULCRUM_ASSIGN_OR_RETURN(const Decision decision, client_->Decide(request, kCallTimeout));
  Answer answer{decision.id, {}, !decision.log_pending};
  for (const DecidedAction& action : decision.actions) {
    answer.action_ids.push_back(action.action_id);
  }
  return answer;
}

absl::Status ClientEndpoint::ReportExposure(DecisionId id, uint32_t position, absl::Time occurred) {
  return client_->ReportExposure(id, position, occurred, kCallTimeout).status();
}

absl::Status ClientEndpoint::ReportOutcome(DecisionId id, uint32_t position, absl::Time occurred) {
  DecisionClient::Outcome outcome;
  outcome.decision = id;
  outcome.position = position;
  outcome.outcome_id = simulation::kOutcomeId;
  outcome.kind = simulation::kRewardKind;
  outcome.occurred_at = occurred;
  return client_->ReportOutcome(outcome, kCallTimeout).status();
}

absl::StatusOr<std::unique_ptr<SimulatedService>> SimulatedService::Start(
    const std::string& work, const simulation::World& world,
    const simulation::BundleOptions& bundle, uint32_t users, uint64_t seed) {
  FULCRUM_RETURN_IF_ERROR(PrepareSimulation(work));
  const std::string config = absl::StrCat(work, "/config");
  FULCRUM_RETURN_IF_ERROR(base::WriteFileAtomically(base::PosixFileSystem(),
                                                    absl::StrCat(config, "/bundle.yaml"),
                                                    simulation::BundleYaml(world, bundle)));
  if (!bundle.model_manifest.empty()) {
    FULCRUM_RETURN_IF_ERROR(simulation::WriteFrozenModel(world, config));
  }
  FULCRUM_RETURN_IF_ERROR(LoadUsers(work, world, users));
  FULCRUM_ASSIGN_OR_RETURN(ChildProcess process,
                           ChildProcess::Start({BinaryBeside("fulcrumd"), "--config", config,
                                                "--clock", "request", "--seed", absl::StrCat(seed),
                                                "--ready-file", absl::StrCat(work, "/ready")},
                                               absl::StrCat(work, "/fulcrumd.txt")));
  FULCRUM_ASSIGN_OR_RETURN(const std::string address, AddressOf(process, work));
  auto client = DecisionClient::Connect(address);
  FULCRUM_RETURN_IF_ERROR(client->WaitUntilServing(absl::Seconds(30)));
  return std::unique_ptr<SimulatedService>(
      new SimulatedService(config, std::move(process), std::move(client)));
}

absl::Status SimulatedService::Stop() {
  client_.reset();  // an open connection is waited for
  process_.Signal(SIGTERM);
  FULCRUM_ASSIGN_OR_RETURN(const int code, process_.Wait(absl::Minutes(1)));
  if (code == 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("fulcrumd ended with code ", code, "; see ", config_, "/../fulcrumd.txt"));
}

}  // namespace fulcrum::apps
