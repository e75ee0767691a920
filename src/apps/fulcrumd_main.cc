// fulcrumd: the service.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "apps/command_line.h"
#include "apps/service.h"
#include "base/file.h"
#include "base/simd.h"
#include "fulcrum/version.h"
#include "telemetry/diagnostics.h"

namespace fulcrum::apps {
namespace {

constexpr char kProgram[] = "fulcrumd";

struct Arguments {
  ServiceOptions service;
  std::string clock = "wall";
  std::string listen;
  std::string metrics_listen;
  std::string ready_file;
  std::string simd = "auto";
  uint64_t seed = 0;
};

void Declare(CLI::App* app, Arguments* arguments) {
  app->add_option("--config", arguments->service.bundle_directory,
                  "Directory of the bundle (docs/configuration.md)")
      ->required();
  app->add_option("--listen", arguments->listen, "host:port or unix:path instead of the bundle's");
  app->add_option("--metrics-listen", arguments->metrics_listen,
                  "host:port for Prometheus instead of the bundle's");
  app->add_option("--clock", arguments->clock,
                  "wall, or request: take a request's occurred_at as the time, to play recorded "
                  "traffic")
      ->check(CLI::IsMember({"wall", "request"}));
  app->add_option("--seed", arguments->seed,
                  "Makes the random bits of decision ids repeatable, for tests and the demo");
  app->add_option(
         "--simd", arguments->simd,
         "Vector instructions: auto (the processor's best), sse2, avx2 or avx512. Slower or "
         "faster, never another answer: the bits are the same")
      ->check(CLI::IsMember({"auto", "sse2", "avx2", "avx512"}));
  app->add_option("--accept-quarantined", arguments->service.accept_quarantined,
                  "Start although records of the log up to this LSN, which the ledger or the "
                  "posteriors need, are quarantined (docs/log_operations.md)");
  app->add_flag("--accept-unproven", arguments->service.accept_unproven,
                "Start although neither the log nor the lease store tells what was spent before a "
                "crash: what the log has counts (docs/ledger.md)");
  app->add_option("--ready-file", arguments->ready_file,
                  "Written once the service answers: its port and the metrics port");
  app->set_version_flag("--version", kVersion);
}

// Blocks the signals that end the service, in this and all later threads; returns the set.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

// True if told to stop, false if the service can no longer keep its promises.
bool WaitForEnd(const sigset_t& signals, const Service& service) {
  const timespec poll{0, 100'000'000};
  while (service.healthy()) {
    if (sigtimedwait(&signals, nullptr, &poll) > 0) return true;
  }
  return false;
}

int Run(const Arguments& arguments) {
  const absl::Status simd = base::ForceSimdLevel(arguments.simd);
  if (!simd.ok()) return Fail(kProgram, simd);
  const sigset_t signals = BlockStopSignals();
  auto service = Service::Start(arguments.service);
  if (!service.ok()) return Fail(kProgram, service.status());
  telemetry::Info("serving", {{"port", absl::StrCat((*service)->port())},
                              {"metrics_port", absl::StrCat((*service)->metrics_port())},
                              {"simd", std::string(base::SimdLevelName(base::ActiveSimdLevel()))}});
  if (!arguments.ready_file.empty()) {
    const absl::Status written = base::WriteFileAtomically(
        base::PosixFileSystem(), arguments.ready_file,
        absl::StrCat((*service)->port(), " ", (*service)->metrics_port(), "\n"));
    if (!written.ok()) return Fail(kProgram, written);
  }
  const bool told = WaitForEnd(signals, **service);
  if (!told) telemetry::Error("log_failed", {{"remedy", "see the disk, then restart"}});
  const absl::Status stopped = (*service)->Stop(absl::Seconds(5));
  if (!stopped.ok()) return Fail(kProgram, stopped);
  telemetry::Info("stopped");
  return told ? kExitOk : kExitFailure;
}

}  // namespace
}  // namespace fulcrum::apps

int main(int argc, char** argv) {
  using namespace fulcrum::apps;  // NOLINT: main lives outside
  CLI::App app("Fulcrum, an online decisioning service", kProgram);
  Arguments arguments;
  Declare(&app, &arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitFailure;
  }
  if (!arguments.listen.empty()) arguments.service.listen = arguments.listen;
  if (!arguments.metrics_listen.empty()) {
    arguments.service.metrics_listen = arguments.metrics_listen;
  }
  if (arguments.clock == "request") {
    arguments.service.clock_mode = fulcrum::edge::ClockMode::kRequest;
  }
  arguments.service.id_seed =
      app.count("--seed") > 0 ? arguments.seed
                              : (uint64_t{std::random_device()()} << 32) | std::random_device()();
  return Run(arguments);
}
