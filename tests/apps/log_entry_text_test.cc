#include "apps/log_entry_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fulcrum::apps {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Printed(LogEvent event, bool json) {
  LogEntry entry;
  entry.lsn = 7;
  entry.event = std::move(event);
  ::testing::internal::CaptureStdout();
  PrintEntry(entry, json);
  return ::testing::internal::GetCapturedStdout();
}

TEST(LogEntryText, WhatTheServiceTellsOfItselfIsInWords) {
  const LeaseRecord lease{
      .row = "paid-day", .window_start_us = 0, .amount = 50, .leased = 150, .limit = 400};
  EXPECT_THAT(Printed(lease, false), HasSubstr("lease"));
  EXPECT_THAT(Printed(lease, false), HasSubstr("paid-day granted 50, leased 150 of 400\n"));
  LeaseRecord back = lease;
  back.amount = -50;
  EXPECT_THAT(Printed(back, false), HasSubstr("paid-day given back 50, leased 150 of 400\n"));
  const PosteriorUpdateRecord kept{.folded_lsn = 6, .digest = 0xab};
  EXPECT_THAT(Printed(kept, false),
              HasSubstr("posteriors up to LSN 6 kept, digest 00000000000000ab\n"));
  const AuditRecord audit{.actor = kServiceActor,
                          .action = "log.tail_cut",
                          .target = "decisions",
                          .details = {{"last_lsn", "5"}, {"bytes", "48"}}};
  EXPECT_THAT(Printed(audit, false),
              HasSubstr("fulcrumd log.tail_cut decisions, last_lsn 5, bytes 48\n"));
}

TEST(LogEntryText, AndInJson) {
  const AuditRecord audit{
      .actor = kServiceActor, .action = "service.stop", .details = {{"version", "1"}}};
  EXPECT_THAT(Printed(audit, true),
              AllOf(HasSubstr("\"lsn\":7"), HasSubstr("\"type\":\"audit\""),
                    HasSubstr("\"action\":\"service.stop\""), HasSubstr("\"version\"")));
  const LeaseRecord lease{.row = "paid-day", .amount = 50, .leased = 150, .limit = 400};
  EXPECT_THAT(Printed(lease, true),
              AllOf(HasSubstr("\"type\":\"lease\""), HasSubstr("\"row\":\"paid-day\"")));
}

}  // namespace
}  // namespace fulcrum::apps
