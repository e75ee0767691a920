#include "replay/recorded_world.h"

#include <gmock/gmock.h>

#include "config/manifest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_model.h"

namespace fulcrum::replay {
namespace {

using ::testing::HasSubstr;

constexpr size_t kColumns = 5;

// One surface, and a model of five columns that all read the same context key.
class RecordedWorldTest : public ::testing::Test {
 protected:
  RecordedWorldTest() {
    testing::WriteTestModel(directory_.path(), "manifest.yaml");
    auto manifest =
        config::LoadManifest(base::PosixFileSystem(), directory_.path() + "/manifest.yaml");
    EXPECT_TRUE(manifest.ok()) << manifest.status();
    other_.manifest = *manifest;
    other_.model = *scoring::Model::Load(base::PosixFileSystem(), *manifest);
    auto bundle = std::make_shared<config::Bundle>();
    bundle->surfaces.resize(1);
    bundle->surfaces[0].id = "page";
    bundle->surface_index.try_emplace("page", 0);
    other_.bundle = other_.loaded = bundle;
    record_.surface = "page";
    record_.candidates.resize(2);
  }

  // Why the decision cannot be scored again by the other policy; empty if it can.
  std::string Inputs(const std::vector<uint32_t>& masked, uint64_t model,
                     const std::vector<size_t>& candidates = {0, 1}) const {
    const RecordedWorld world(other_.bundle, other_.manifest, model, &other_, true);
    FeatureSnapshot snapshot{.model = model, .columns = kColumns};
    snapshot.values.resize(kColumns * record_.candidates.size(), 0.5);
    snapshot.masked_columns = masked;
    scoring::Scores scores;
    const std::string why =
        world.Inputs(record_, &snapshot, other_.bundle->surfaces[0], candidates, &scores);
    EXPECT_EQ(scores.inputs.size(), why.empty() ? candidates.size() * kColumns : 0);
    return why;
  }

  const testing::TemporaryDirectory directory_;
  OtherPolicy other_;
  DecisionRecord record_;
};

// A masked value is not what was served: scores of it would be wrong without a sign.
TEST_F(RecordedWorldTest, MaskedInputsAreNotScored) {
  const uint64_t same = other_.model_version();
  EXPECT_EQ(Inputs({}, same), "");
  EXPECT_THAT(Inputs({3}, same), HasSubstr("a masking rule changed the model input hour"));
}

// All columns of the other model are found in the first column of the logged one.
TEST_F(RecordedWorldTest, OnlyColumnsThatTheOtherModelReadsCount) {
  const uint64_t another = other_.model_version() + 1;
  EXPECT_EQ(Inputs({3}, another), "");
  EXPECT_THAT(Inputs({0}, another), HasSubstr("a masking rule changed the model input hour"));
}

}  // namespace
}  // namespace fulcrum::replay
