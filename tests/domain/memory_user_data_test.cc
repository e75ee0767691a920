#include "domain/memory_user_data.h"

#include "tests/support/user_data_suite.h"

namespace fulcrum::testing {
namespace {

class MemoryHarness {
 public:
  domain::UserData* users() { return &users_; }
  std::optional<UserRef> RefOf(std::string_view user_id) { return users_.FindUserRef(user_id); }
  void Reopen() {}

 private:
  uint8_t refs_ = 0;
  domain::MemoryUserData users_{[this](std::string_view) { return UserRef{++refs_, 1}; }};
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, UserDataSuite, MemoryHarness);

}  // namespace
}  // namespace fulcrum::testing
