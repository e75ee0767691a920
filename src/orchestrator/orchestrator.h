// The constraint orchestrator: hard rows of A pi <= b are secured before the draw, the distribution
// is computed over what is held, one draw per position, the rest is released.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "config/bundle.h"
#include "domain/context.h"
#include "domain/seams.h"
#include "fulcrum/decision_record.h"
#include "orchestrator/ledger.h"
#include "orchestrator/scope.h"
#include "policy/choice.h"

namespace fulcrum::orchestrator {

// An arm on its way into the draw. `mask` is kNone or why it must not be drawn.
struct Contender {
  int32_t action = -1;  // index into bundle.actions
  MaskReason mask = MaskReason::kNone;
  policy::Posterior posterior;  // of one family within a request
  Share share;                  // what is set for its probability
};

// What was drawn. `hold` keeps the debits of the drawn actions reserved until the caller commits
// them to the log or releases them.
struct Selection {
  std::vector<PositionRecord> positions;
  uint32_t relaxed = 0;                // soft rows up to this class were given up
  std::vector<int32_t> rows_in_scope;  // see Hold
  // No contender could be drawn, and none can before this, microseconds since 1970 UTC, unless
  // something is given back or changed; 0: not known.
  int64_t defer_until_us = 0;
  Hold hold;
};

// Why nothing of the campaign may be shown at `now`, by its dates and its clock; kNone if it may.
MaskReason CampaignMask(const config::Campaign& campaign, absl::Time now);

// Whether a slate with `action` cannot have `other`, another one (an index into bundle.actions).
bool ExcludesInSlate(const config::Bundle& bundle, const config::Action& action, int32_t other);

// Thread-safe; the ledger is shared, everything else is on the stack.
class Orchestrator {
 public:
  explicit Orchestrator(Ledger* ledger) : ledger_(ledger) {}

  // Masks contenders that cannot be secured, or that cautious mode leaves out (writes `mask`), then
  // draws `context.slate_size` positions by `choice`, fewer only if one of them drew the neutral
  // action: nothing follows it. The surface's shadows are computed for each position.
  // `contenders` are sorted by action id. A candidate that uses a row per user is masked with
  // kNoUserRef when `user_ref` is absent. `facts` say which rows count on the request. UNAVAILABLE
  // under kNoWait if a lease must be fetched first: nothing is held then; call again with kMayWait.
  absl::StatusOr<Selection> Select(const config::Bundle& bundle, const config::Surface& surface,
                                   const config::Choice& choice,
                                   const domain::DecisionContext& context,
                                   const RequestFacts& facts,
                                   const std::optional<UserRef>& user_ref,
                                   const policy::Baseline& baseline,
                                   absl::Span<Contender> contenders, domain::Wait wait);

 private:
  Ledger* ledger_;
};

}  // namespace fulcrum::orchestrator
