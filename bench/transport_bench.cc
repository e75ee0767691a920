// Which transport the edge uses (docs/adr/0005-transport.md): gRPC's callback API, as it comes and
// with recycled arenas, against one completion queue with recycled calls and arenas. All three echo
// the same messages from processes of their own; same client, windows by turns. Prints ratios of
// the callback API to the queue. It answers a question and promises nothing, so it reports no rows.
#include <cstdio>
#include <filesystem>

#include "bench/echo_server.h"
#include "bench/interleave.h"
#include "bench/load_client.h"
#include "bench/made_up_data.h"

namespace fulcrum::bench {
namespace {

constexpr int kPairs = 15;
constexpr auto kSequentialWindow = std::chrono::milliseconds(500);
constexpr auto kThroughputWindow = std::chrono::milliseconds(400);
constexpr size_t kOutstanding = 32;

// As long as a real one.
v1::DecideResponse MadeUpAnswer() {
  v1::DecideResponse answer;
  answer.set_decision_id("016e9a1b-2c3d-7000-8000-000000000001");
  v1::DecidedAction* action = answer.add_actions();
  action->set_action_id("all-17");
  action->set_position(1);
  action->set_propensity(0.125);
  action->set_propensity_ticks(uint64_t{1} << 29);
  action->set_score(0.0123456789);
  action->set_uplift(0.0123456789);
  action->add_reason_codes("sampled");
  answer.mutable_signature()->set_bundle("0123456789abcdef");
  answer.mutable_signature()->set_model("0123456789abcdef");
  answer.mutable_signature()->set_schema(1);
  for (auto* stage :
       {answer.mutable_timing()->mutable_edge(), answer.mutable_timing()->mutable_features(),
        answer.mutable_timing()->mutable_scoring(),
        answer.mutable_timing()->mutable_orchestration(), answer.mutable_timing()->mutable_log(),
        answer.mutable_timing()->mutable_total()}) {
    stage->set_nanos(123000);
  }
  return answer;
}

struct Side {
  explicit Side(EchoKind which, const std::vector<v1::DecideRequest>* requests,
                const std::string& directory)
      : kind(which),
        echo(StartEcho(which, MadeUpAnswer(), directory)),
        client(echo.port, requests,
               [](const auto& response) { FULCRUM_CHECK(response.actions_size() == 1); }) {
    client.SendAll();
  }

  EchoKind kind;
  EchoProcess echo;
  LoadClient client;
};

using Figures = std::vector<std::pair<Window, Window>>;

void Print(const Side& side, const char* what, const Figures& figures, double Window::*figure) {
  std::vector<double> callback;
  std::vector<double> queue;
  for (const auto& [a, b] : figures) {
    callback.push_back(a.*figure);
    queue.push_back(b.*figure);
  }
  std::printf("%-15s %-5s %8.0f, queue %8.0f, median ratio %.3f\n", NameOf(side.kind), what,
              Median(callback), Median(queue),
              MedianRatio(figures, [figure](const Window& window) { return window.*figure; }));
}

void Compare(Side& callback, Side& queue) {
  const Figures sequential = Interleave(
      kPairs, [&] { return callback.client.Sequential(kSequentialWindow); },
      [&] { return queue.client.Sequential(kSequentialWindow); });
  const Figures parallel = Interleave(
      kPairs, [&] { return callback.client.Throughput(kOutstanding, kThroughputWindow); },
      [&] { return queue.client.Throughput(kOutstanding, kThroughputWindow); });
  Print(callback, "p50", sequential, &Window::p50_us);
  Print(callback, "p99", sequential, &Window::p99_us);
  Print(callback, "1/s", parallel, &Window::per_second);
}

int Run() {
  std::string directory =
      (std::filesystem::temp_directory_path() / "fulcrum-transport-bench-XXXXXX").string();
  FULCRUM_CHECK(mkdtemp(directory.data()) != nullptr);
  const apps::DemoData data = MadeUpData();
  base::RandomStream random(2);
  std::vector<v1::DecideRequest> requests;
  for (const apps::LoggedRow& row : data.campaigns.front().random) {
    requests.push_back(RequestOf(data.campaigns.front(), row, random));
  }
  {
    Side queue(EchoKind::kQueue, &requests, directory);
    for (const EchoKind kind : {EchoKind::kCallback, EchoKind::kCallbackArena}) {
      Side callback(kind, &requests, directory);
      Compare(callback, queue);
    }
  }
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace
}  // namespace fulcrum::bench

int main(int argc, char** argv) {
  fulcrum::bench::MaybeRunEcho(argc, argv);
  return fulcrum::bench::Run();
}
