// The lease store of a service that is alone: its process is the only replica, so no clock matters.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/file.h"
#include "leases/lease_book.h"
#include "leases/rocksdb_lease_store.h"

namespace fulcrum::orchestrator {

// As the lease store knows a service that is alone.
inline constexpr char kReplica[] = "service";

inline leases::BookOptions BooksOfTheOnlyReplica() {
  return {.members = {kReplica}, .ttl = absl::InfiniteDuration()};
}

// Opens or makes it, in a directory of its own. DATA_LOSS as in RocksDbLeaseStore::Open.
inline absl::StatusOr<std::shared_ptr<leases::RocksDbLeaseStore>> OpenLeases(
    base::FileSystem* files, std::string directory, const base::Clock* clock) {
  return leases::RocksDbLeaseStore::Open({.directory = std::move(directory),
                                          .files = files,
                                          .clock = clock,
                                          .book = BooksOfTheOnlyReplica()});
}

}  // namespace fulcrum::orchestrator
