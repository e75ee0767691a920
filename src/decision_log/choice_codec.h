// The part of a decision's record that says how it was chosen, as fulcrum.log.v1: policy, shares,
// shadows, candidates and positions. The rest is record_codec.cc's. Thread-safe.
#pragma once

#include "absl/status/status.h"
#include "fulcrum/decision_record.h"
#include "fulcrum/log/v1/decision_log.pb.h"

namespace fulcrum::decision_log {

void DebitToProto(const Debit& debit, fulcrum::log::v1::Debit* proto);
Debit DebitFromProto(const fulcrum::log::v1::Debit& proto);

// What every record once had takes no bytes.
void ChoiceToProto(const DecisionRecord& record, fulcrum::log::v1::DecisionRecord* proto);
// DATA_LOSS, naming the field, for a value that this program does not know.
absl::Status ChoiceFromProto(const fulcrum::log::v1::DecisionRecord& proto, DecisionRecord* record);

}  // namespace fulcrum::decision_log
