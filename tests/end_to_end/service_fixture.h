// A service in this process, and a client of it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "apps/service.h"
#include "fulcrum/client.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::testing {

class ServiceFixture : public ::testing::Test {
 protected:
  void TearDown() override { Stop(); }

  void StartService(const apps::ServiceOptions& options) {
    auto service = apps::Service::Start(options);
    ASSERT_THAT(service, IsOk());
    service_ = *std::move(service);
    client_ = DecisionClient::Connect(absl::StrCat("127.0.0.1:", service_->port()));
    ASSERT_THAT(client_->WaitUntilServing(absl::Seconds(20)), IsOk());
  }
  void Stop() {
    if (service_ == nullptr) return;
    EXPECT_THAT(service_->Stop(absl::Seconds(5)), IsOk());
    service_.reset();
  }

  std::unique_ptr<apps::Service> service_;
  std::unique_ptr<DecisionClient> client_;
};

}  // namespace fulcrum::testing
