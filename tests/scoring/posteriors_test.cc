#include "scoring/posteriors.h"

#include <limits>

#include "base/hash.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::scoring {
namespace {

using ::testing::HasSubstr;

Posteriors Example() {
  Posteriors posteriors;
  posteriors.set_lsn(41);
  posteriors.set_model(0xfedcba9876543210);
  posteriors.Set("", "shoes", {100, 7});
  posteriors.Set("young", "shoes", {10, 2});
  posteriors.Set("", "none", {50, 0.5});
  posteriors.SetLinear("page", {.terms = 3, .noise_sd = 0.3, .prior_sd = 0.4, .has_model = true});
  posteriors.Observe({.surface = "page", .action_id = "hat", .basis = {1, 0.2, 3}, .reward = 1});
  posteriors.Observe({.surface = "page", .action_id = "none", .basis = {1, 0, 3}, .reward = 0});
  return posteriors;
}

// With all that there can be: also what forgets.
Posteriors AgedExample() {
  constexpr int64_t kHour = 3'600'000'000;
  config::Bundle bundle;
  bundle.surfaces.resize(3);
  bundle.surfaces[2].id = "till";
  bundle.surfaces[2].value = config::ValuePosterior{.cap = 50};
  bundle.surfaces[2].forgetting = absl::Hours(36);
  bundle.surfaces[0].id = "page";
  bundle.surfaces[0].forgetting = absl::Hours(48);
  bundle.surfaces[0].linear = config::LinearPosterior{
      .noise_sd = 0.3, .prior_sd = 0.4, .segments = {}, .context_keys = {"hour"}};
  bundle.surfaces[1].id = "side";
  bundle.surfaces[1].forgetting = absl::Hours(24);
  Posteriors posteriors = Example();
  posteriors.SetSurfaces(bundle, /*has_model=*/true);
  for (int64_t i = 0; i < 40; ++i) {
    posteriors.AdvanceTo(i * 47 * kHour);
    const int64_t time = (i * 47 - i % 5) * kHour;
    posteriors.Observe({"page", "", "hat", {1, 0.2, 3}, 0.5, time});
    posteriors.Observe({"side", "young", "shoes", {}, i % 3 == 0 ? 1.0 : 0.0, time});
    posteriors.Observe({"till", "young", "shoes", {}, 1.5 * static_cast<double>(i % 4 * i), time});
  }
  posteriors.set_lsn(81);
  return posteriors;
}

// And a surface with log odds, which version 4 added.
Posteriors NewestExample() {
  Posteriors posteriors = AgedExample();
  posteriors.SetLinear(
      "odds", {.terms = 2, .noise_sd = 1, .prior_sd = 0.3, .has_model = true, .log_odds = true});
  posteriors.Observe({"odds", "", "hat", {1, -3}, 1, 0, 0.5});
  return posteriors;
}

TEST(Posteriors, FallBackToAllSegments) {
  const Posteriors posteriors = Example();
  EXPECT_EQ(posteriors.Find("young", "shoes").trials, 10);
  EXPECT_EQ(posteriors.Find("old", "shoes").trials, 100) << "a segment never seen";
  EXPECT_EQ(posteriors.Find("young", "none").trials, 50) << "an arm never seen in the segment";
  EXPECT_EQ(posteriors.Find("", "shoes").successes, 7);
  EXPECT_EQ(posteriors.Find("young", "hat").trials, 0);
  EXPECT_EQ(posteriors.size(), 3);
}

TEST(Posteriors, ASnapshotComesBack) {
  const absl::StatusOr<Posteriors> read = Posteriors::Parse(Example().Serialise());
  FULCRUM_ASSERT_OK(read);
  EXPECT_EQ(read->lsn(), 41);
  EXPECT_EQ(read->model(), 0xfedcba9876543210);
  EXPECT_EQ(read->size(), 3);
  EXPECT_EQ(read->Find("young", "shoes").successes, 2);
  EXPECT_EQ(read->Find("", "none").successes, 0.5);
}

TEST(Posteriors, TheSameContentIsTheSameBytes) {
  Posteriors forwards;
  Posteriors backwards;
  for (int i = 0; i < 200; ++i) {
    const std::string name = "arm" + std::to_string(i);
    forwards.Set(i % 3 == 0 ? "" : "s", name, {10.0 * i, 1.0 * i});
  }
  for (int i = 199; i >= 0; --i) {
    const std::string name = "arm" + std::to_string(i);
    backwards.Set(i % 3 == 0 ? "" : "s", name, {10.0 * i, 1.0 * i});
  }
  EXPECT_EQ(forwards.Serialise(), backwards.Serialise());
  backwards.Set("s", "arm1", {10, 2});
  EXPECT_NE(forwards.Serialise(), backwards.Serialise());
}

// One pair of counts, as all versions write it after the version.
const char* const kPinnedCounts =
    "0100000000000000"  // model
    "0200000000000000"  // LSN
    "0100000000000000"  // pairs
    "01000000"
    "73"
    "01000000"
    "61"                 // segment, action id
    "0000000000000040"   // trials
    "000000000000f03f";  // successes

// The form is on disks: a change needs a new version, not a new expectation.
TEST(Posteriors, TheFormIsPinned) {
  Posteriors posteriors;
  posteriors.set_lsn(2);
  posteriors.set_model(1);
  posteriors.Set("s", "a", {2, 1});
  posteriors.SetLinear("p", {.terms = 2, .noise_sd = 1, .prior_sd = 2, .has_model = true});
  posteriors.Observe({.surface = "p", .action_id = "a", .basis = {1, 0.5}, .reward = 2});
  posteriors.Observe({.surface = "p", .action_id = "a", .basis = {1}, .reward = 2});
  config::Bundle bundle;
  bundle.surfaces.resize(3);
  bundle.surfaces[2].id = "r";
  bundle.surfaces[2].value = config::ValuePosterior{.cap = 4};
  bundle.surfaces[0].id = "p";
  bundle.surfaces[0].linear = config::LinearPosterior{.noise_sd = 1, .prior_sd = 2};
  bundle.surfaces[1].id = "q";
  bundle.surfaces[1].forgetting = absl::Minutes(1) + absl::Microseconds(8);
  posteriors.SetSurfaces(bundle, /*has_model=*/true);
  posteriors.AdvanceTo(7);
  posteriors.AdvanceTo(7 + 61'900'000);
  posteriors.Observe({.surface = "r", .action_id = "a", .reward = 9});
  const std::string bytes = posteriors.Serialise();
  EXPECT_EQ(base::ToHex(bytes.substr(0, bytes.size() - 4)),
            std::string("46554c43504f5354"  // magic
                        "04000000") +       // version
                kPinnedCounts +
                "0100000000000000"  // ignored
                "0000000000000000"  // ill-conditioned
                "0100000000000000"  // linear surfaces
                "01000000"
                "70"                // id
                "02000000"          // terms
                "000000000000f03f"  // noise
                "0000000000000040"  // prior
                "01"                // has a model
                "0000000000000000"  // no half-life,
                "0000000000000080"  // no landmark,
                "0000000000000000"  // no step
                "0100000000000000"  // arms
                "01000000"
                "61"                // action id
                "000000000000f03f"  // x x', lower triangle
                "000000000000e03f"
                "000000000000d03f"
                "0000000000000040"  // x r
                "000000000000f03f"
                "00"                // the factor is of these sums
                "0100000000000000"  // counts that forget
                "0887930300000000"  // half-life, landmark, step
                "0700000000000000"
                "2100000000000000" +
                std::string(kPinnedCounts).substr(32) +
                "0100000000000000"  // surfaces with amounts
                "01000000"
                "72"                // id
                "0000000000001040"  // cap
                "0000000000000000"
                "0000000000000080"
                "0000000000000000"  // nothing is forgotten
                "0100000000000000"  // pairs
                "00000000"
                "01000000"
                "61"
                "000000000000f03f"    // trials
                "000000000000f03f"    // sales
                "0000000000001040"    // amount
                "0000000000003040"    // squares
                "0100000000000000");  // capped
}

std::string Sealed(std::string body) {
  const uint32_t checksum = base::Crc32c(body);
  for (int i = 0; i < 4; ++i) body.push_back(static_cast<char>(checksum >> (8 * i)));
  return body;
}

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

TEST(Posteriors, TheFirstVersionIsStillRead) {
  const auto read =
      Posteriors::Parse(Sealed(FromHex(std::string("46554c43504f535401000000") + kPinnedCounts)));
  FULCRUM_ASSERT_OK(read);
  EXPECT_EQ(read->lsn(), 2);
  EXPECT_EQ(read->Find("s", "a").trials, 2);
  EXPECT_EQ(read->linear_size(), 0);
}

std::string Golden(const std::string& name) {
  const auto bytes = base::ReadWholeFile(
      base::PosixFileSystem(), FULCRUM_SOURCE_DIR "/tests/golden/posteriors/" + name, 1 << 20);
  FULCRUM_EXPECT_OK(bytes);
  return bytes.value_or("");
}

// As the program wrote it that wrote version 2; what is read is written in the version of today.
TEST(Posteriors, TheSecondVersionIsStillRead) {
  const auto read = Posteriors::Parse(Golden("posteriors-v2.bin"));
  FULCRUM_ASSERT_OK(read);
  EXPECT_EQ(read->Serialise(), Example().Serialise());
}

TEST(Posteriors, TheThirdVersionIsStillRead) {
  const auto read = Posteriors::Parse(Golden("posteriors-v3.bin"));
  FULCRUM_ASSERT_OK(read);
  EXPECT_EQ(read->Serialise(), AgedExample().Serialise());
}

TEST(Posteriors, TheVersionOfTodayIsWritten) {
  const std::string bytes = Golden("posteriors-v4.bin");
  EXPECT_EQ(NewestExample().Serialise(), bytes);
  const auto read = Posteriors::Parse(bytes);
  FULCRUM_ASSERT_OK(read);
  EXPECT_EQ(read->Serialise(), bytes);
  const std::vector<double> x = {1, 0.2, 3};
  EXPECT_EQ(read->FindLinear("page", "hat")->At(x).mean,
            AgedExample().FindLinear("page", "hat")->At(x).mean);
  EXPECT_TRUE(read->FindSpec("odds")->log_odds);
  EXPECT_EQ(read->FindLinear("odds", "hat")->At({1, -2}).mean,
            NewestExample().FindLinear("odds", "hat")->At({1, -2}).mean);
}

TEST(Posteriors, EveryFlippedByteIsFound) {
  const std::string bytes = NewestExample().Serialise();
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_THAT(Posteriors::Parse(damaged),
                testing::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("posterior snapshot")))
        << i;
  }
}

TEST(Posteriors, EveryCutIsFound) {
  const std::string bytes = NewestExample().Serialise();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(Posteriors::Parse(bytes.substr(0, size)).status().code(),
              absl::StatusCode::kDataLoss);
  }
  EXPECT_FALSE(Posteriors::Parse(bytes + '\0').ok());
}

TEST(Posteriors, ContentIsCheckedBehindARightChecksum) {
  Posteriors posteriors;
  posteriors.Set("", "a", {1, -2});
  EXPECT_THAT(Posteriors::Parse(posteriors.Serialise()),
              testing::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("impossible counts")));
  std::string body = Example().Serialise();
  body.resize(body.size() - 4);
  FULCRUM_EXPECT_OK(Posteriors::Parse(Sealed(body)));
  EXPECT_THAT(Posteriors::Parse(Sealed(body + "x")),
              testing::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("does not end")));
  body[8] = 5;
  EXPECT_THAT(Posteriors::Parse(Sealed(body)),
              testing::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("version 5")));
}

class CountsFile : public ::testing::Test {
 protected:
  absl::StatusOr<Posteriors> Load(const std::string& text) {
    FULCRUM_EXPECT_OK(base::WriteFileAtomically(base::PosixFileSystem(), path_, text));
    return Posteriors::LoadCounts(base::PosixFileSystem(), path_);
  }

  testing::TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/counts.csv";
};

TEST_F(CountsFile, IsRead) {
  const auto posteriors = Load(
      "segment,action_id,trials,successes\n"
      ",shoes,100,7\n"
      "\"young, rich\",shoes,10,2.5\n");
  FULCRUM_ASSERT_OK(posteriors);
  EXPECT_EQ(posteriors->size(), 2);
  EXPECT_EQ(posteriors->Find("", "shoes").successes, 7);
  EXPECT_EQ(posteriors->Find("young, rich", "shoes").successes, 2.5);
  EXPECT_EQ(posteriors->lsn(), 0);
}

TEST_F(CountsFile, ErrorsNameFileAndLine) {
  const std::string header = "segment,action_id,trials,successes\n";
  const std::pair<std::string, std::string> cases[] = {
      {"segment,action,trials,successes\n", "counts.csv"},
      {header + ",a,1,0\n,b,x,0\n", "counts.csv:3"},
      {header + ",a,nan,0\n", "counts.csv:2"},
      {header + ",a,1,2\n", "counts.csv:2"},
      {header + ",a,1,-1\n", "counts.csv:2"},
      {header + ",,1,1\n", "counts.csv:2"},
      {header + ",a,1,1\n,a,1,1\n", "counts.csv:3"},
  };
  for (const auto& [text, place] : cases) {
    EXPECT_THAT(Load(text), testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(place)))
        << text;
  }
}

TEST_F(CountsFile, MissingIsNotFound) {
  EXPECT_THAT(Posteriors::LoadCounts(base::PosixFileSystem(), path_),
              testing::StatusIs(absl::StatusCode::kNotFound, HasSubstr("counts.csv")));
}

}  // namespace
}  // namespace fulcrum::scoring
