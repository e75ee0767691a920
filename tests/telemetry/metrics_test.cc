#include "telemetry/metrics.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/status_matchers.h"

namespace fulcrum::telemetry {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class MetricsTest : public ::testing::Test {
 protected:
  void ExpectLine(const std::string& line) {
    EXPECT_THAT("\n" + metrics_.Text(), HasSubstr("\n" + line + "\n"));
  }
  Metrics metrics_{{"home", "cart"}};
};

TEST_F(MetricsTest, EverySeriesIsThereFromTheStart) {
  for (const char* surface : {"home", "cart"}) {
    ExpectLine("fulcrum_ineligible_actions_total{surface=\"" + std::string(surface) + "\"} 0");
    for (const Answer answer :
         {Answer::kFull, Answer::kDegraded, Answer::kEditorial, Answer::kNeutral}) {
      for (int reason = 0; reason < 8; ++reason) {
        ExpectLine("fulcrum_decisions_total{answer=\"" + std::string(ToWord(answer)) +
                   "\",reason=\"" + std::string(ToWord(static_cast<Degradation>(reason))) +
                   "\",surface=\"" + surface + "\"} 0");
      }
    }
  }
  for (const char* stage : {"edge", "features", "scoring", "orchestration", "log", "total"}) {
    ExpectLine("fulcrum_decision_stage_duration_seconds_count{stage=\"" + std::string(stage) +
               "\"} 0");
  }
  for (const char* method : {"Decide", "ReportExposure", "ReportOutcome", "Pause", "Resume",
                             "ListSwitches", "SetBudget"}) {
    for (const char* code : {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "UNAVAILABLE"}) {
      ExpectLine("fulcrum_rpc_requests_total{code=\"" + std::string(code) + "\",method=\"" +
                 method + "\"} 0");
    }
    ExpectLine("fulcrum_rpc_duration_seconds_count{method=\"" + std::string(method) + "\"} 0");
  }
  for (const char* state : {"fresh", "missing", "stale"}) {
    ExpectLine("fulcrum_feature_rows_total{state=\"" + std::string(state) + "\"} 0");
  }
  ExpectLine("fulcrum_context_keys_dropped_total 0");
  ExpectLine("fulcrum_unlogged_answers_total 0");
  ExpectLine("fulcrum_superseded_decisions_total 0");
  EXPECT_THAT(metrics_.Text(), HasSubstr("fulcrum_build_info{version=\""));
}

TEST_F(MetricsTest, CountsGoWhereTheyBelong) {
  metrics_.CountDecision(1, Answer::kDegraded, Degradation::kFeatureStale);
  metrics_.CountDecision(1, Answer::kDegraded, Degradation::kFeatureStale);
  metrics_.CountRpc(Method::kReportOutcome, 3, 1500);
  metrics_.CountRpc(Method::kDecide, 99, 1);  // no such code
  metrics_.CountIneligible(0, 0);
  metrics_.CountIneligible(1, 7);
  metrics_.CountFeatureRows(3, 2, 1);
  metrics_.CountDroppedContextKeys(4);
  metrics_.CountUnloggedAnswer();
  metrics_.CountSuperseded();
  ExpectLine(
      R"(fulcrum_decisions_total{answer="degraded",reason="feature_stale",surface="cart"} 2)");
  ExpectLine(
      R"(fulcrum_decisions_total{answer="degraded",reason="feature_stale",surface="home"} 0)");
  ExpectLine(R"(fulcrum_rpc_requests_total{code="INVALID_ARGUMENT",method="ReportOutcome"} 1)");
  ExpectLine(R"(fulcrum_rpc_requests_total{code="UNKNOWN",method="Decide"} 1)");
  ExpectLine(R"(fulcrum_feature_rows_total{state="fresh"} 3)");
  ExpectLine(R"(fulcrum_feature_rows_total{state="missing"} 2)");
  ExpectLine(R"(fulcrum_feature_rows_total{state="stale"} 1)");
  ExpectLine("fulcrum_context_keys_dropped_total 4");
  ExpectLine("fulcrum_unlogged_answers_total 1");
  ExpectLine("fulcrum_superseded_decisions_total 1");
  ExpectLine("fulcrum_ineligible_actions_total{surface=\"home\"} 0");
  ExpectLine("fulcrum_ineligible_actions_total{surface=\"cart\"} 7");
}

TEST_F(MetricsTest, DurationsAreInSeconds) {
  metrics_.ObserveStage(Stage::kScoring, 40);
  metrics_.CountRpc(Method::kDecide, 0, 9000);
  ExpectLine(R"(fulcrum_decision_stage_duration_seconds_bucket{stage="scoring",le="2.5e-05"} 0)");
  ExpectLine(R"(fulcrum_decision_stage_duration_seconds_bucket{stage="scoring",le="5e-05"} 1)");
  ExpectLine(R"(fulcrum_rpc_duration_seconds_bucket{method="Decide",le="0.0075"} 0)");
  // L_max's own edge, so that the objective can be read off.
  ExpectLine(R"(fulcrum_rpc_duration_seconds_bucket{method="Decide",le="0.01"} 1)");
}

TEST_F(MetricsTest, PulledFamiliesAreReadAtScrapeTime) {
  double value = 1;
  metrics_.AddPulled({"budget", "What is left", "row", false, [&] {
                        return std::vector<Sample>{{"a\"b", value}, {"c", 2}};
                      }});
  metrics_.AddPulled({"lines_total", "Lines", "", true, [&] {
                        return std::vector<Sample>{{"x", value}};
                      }});
  value = 7;
  ExpectLine("# TYPE budget gauge");
  ExpectLine(R"(budget{row="a\"b"} 7)");
  ExpectLine(R"(budget{row="c"} 2)");
  ExpectLine("# TYPE lines_total counter");
  ExpectLine("lines_total 7");
  metrics_.Close();
  EXPECT_THAT(metrics_.Text(), Not(HasSubstr("budget")));
}

// The whole answer to a GET of `path`.
std::string Get(int port, const std::string& path) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(write(connection, request.data(), request.size()),
              static_cast<ssize_t>(request.size()));
    char buffer[4096];
    for (ssize_t got = 0; (got = read(connection, buffer, sizeof buffer)) > 0;) {
      answer.append(buffer, static_cast<size_t>(got));
    }
  }
  close(connection);
  return answer;
}

TEST_F(MetricsTest, AreServedOverHttp) {
  metrics_.CountSuperseded();
  metrics_.AddPulled({"pulled", "", "", false, [] { return std::vector<Sample>{{"", 5}}; }});
  const auto port = metrics_.Serve("127.0.0.1:0");
  FULCRUM_ASSERT_OK(port);
  EXPECT_GT(*port, 0);
  EXPECT_THAT(Get(*port, "/metrics"),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("fulcrum_superseded_decisions_total 1"),
                    HasSubstr("pulled 5")));
  EXPECT_THAT(Get(*port, "/nothing"), StartsWith("HTTP/1.1 404"));

  // A port that is taken is an error with a remedy.
  Metrics second({});
  EXPECT_THAT(second.Serve("127.0.0.1:" + std::to_string(*port)),
              testing::StatusIs(absl::StatusCode::kUnavailable,
                                AllOf(HasSubstr("127.0.0.1:" + std::to_string(*port)),
                                      HasSubstr("server.metrics_listen"))));
  metrics_.Close();
  EXPECT_EQ(Get(*port, "/metrics"), "");
}

}  // namespace
}  // namespace fulcrum::telemetry
