// A foreign project's use of the public library: ids, records, the client. Linking it proves that
// the installed library is complete; there is no server here, so the client must say so in time.
#include <cstdio>

#include "fulcrum/client.h"
#include "fulcrum/decision_id.h"
#include "fulcrum/decision_record.h"
#include "fulcrum/propensity.h"
#include "fulcrum/version.h"

namespace {

bool RecordsAreUsable() {
  const auto id = fulcrum::DecisionId::Parse("01234567-89ab-7fff-bfff-ffffffffffff");
  if (!id.ok()) return false;
  fulcrum::DecisionRecord record;
  record.id = *id;
  fulcrum::PositionRecord position;
  position.action_id = fulcrum::kNeutralActionId;
  position.ticks = {fulcrum::kTicksTotal};
  record.positions.push_back(position);
  const double propensity = fulcrum::PropensityOf(record.positions[0].ticks[0]);
  std::printf("fulcrum %s: %s, propensity %g\n", fulcrum::kVersion, record.id.ToString().c_str(),
              propensity);
  return propensity == 1.0;
}

bool ClientSaysThatNobodyAnswers(const std::string& socket) {
  const auto client = fulcrum::DecisionClient::Connect("unix:" + socket);
  fulcrum::DecisionRequest request;
  request.user_id = "u-17";
  request.surface = "homepage";
  const auto decision = client->Decide(request, absl::Milliseconds(200));
  std::printf("decide: %s\n", decision.status().ToString().c_str());
  return absl::IsUnavailable(decision.status()) || absl::IsDeadlineExceeded(decision.status());
}

}  // namespace

// Usage: consumer FOLDER, an existing folder without a socket named "nobody".
int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  return RecordsAreUsable() && ClientSaysThatNobodyAnswers(folder + "/nobody") ? 0 : 1;
}
