// What a recovery of the ledger found. Plain values.
#pragma once

#include <cstdint>

#include "fulcrum/decision_record.h"

namespace fulcrum::orchestrator {

struct RecoveryReport {
  Lsn checkpoint_lsn = 0;
  Lsn lease_lsn = 0;  // how far the log had come when the lease store last heard of it
  Lsn log_last_lsn = 0;
  bool clean = false;         // the previous process shut down cleanly, or there was none
  bool same_boot = false;     // the machine has not restarted since
  bool lost_tail = false;     // the log ends before what the checkpoint or a lease had heard of
  bool gap = false;           // the log misses records after the checkpoint
  bool records_gone = false;  // so the caller says
  // Whether the log proves the whole spend, so that lost leases could be returned.
  bool proven = false;
  int64_t returned_micros = 0;  // of leases, free again
  int64_t returned_exposures = 0;
  int64_t written_off_micros = 0;  // of leases, taken as spent without proof
  int64_t written_off_exposures = 0;
};

}  // namespace fulcrum::orchestrator
