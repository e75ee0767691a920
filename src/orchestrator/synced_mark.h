// The ledger's name for what its store and the lease store share.
#pragma once

#include "store/synced_mark.h"

namespace fulcrum::orchestrator {

using store::SyncedMark;

}  // namespace fulcrum::orchestrator
