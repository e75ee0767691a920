// Over bundles and requests made by chance: who is found by the index is who a walk over all
// actions finds, by closures instead of compiled rules, in the same order.
#include <algorithm>
#include <set>

#include "candidates/candidates.h"
#include "config/loader.h"
#include "tests/candidates/made_up_rules.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::candidates {
namespace {

using ::fulcrum::testing::MadeUpAction;
using ::fulcrum::testing::MadeUpRequest;
using ::fulcrum::testing::MadeUpRule;
using ::fulcrum::testing::RuleMaker;

constexpr int kBundles = 60;
constexpr int kRequests = 60;
const absl::Time kStart = absl::FromUnixSeconds(1'764'547'200);  // a midnight

struct Shown {
  MadeUpAction action;
  MadeUpRule of_campaign, own;
  std::vector<std::string> regions;
  bool approved = true;
  int expires_hour = 1000;  // after kStart
};

struct Jurisdiction {
  std::vector<std::string> regions;
  MadeUpRule rule;
};

class World {
 public:
  explicit World(uint64_t seed) : random_(seed), maker_(&random_) {
    const bool with_region = Below(4) != 0;
    std::string campaigns, here;
    const uint64_t count = 1 + Below(40);
    for (uint64_t i = 0; i < count; ++i) {
      absl::StrAppend(&here, here.empty() ? "" : ", ", "k", i);
      AddCampaign(absl::StrCat("k", i), with_region, &campaigns);
    }
    yaml_ = absl::StrCat(
        "surfaces:\n  - {id: page, candidates_max: 1000, campaigns: [", here, "]",
        with_region ? ", region_key: context.country}\n" : "}\n", "campaigns:\n", campaigns,
        "feature_views: [{name: u, entity: user, features: [{name: segment, type: "
        "text}, {name: age}]}]\n"
        "context_keys: [{name: country, type: text}, {name: geo.*, type: text}]\n");
    with_region_ = with_region;
    if (Below(2) == 0) AddJurisdictions();
  }

  void Load() {
    config::Problems problems;
    auto bundle =
        config::BuildBundle(base::PosixFileSystem(), {{"a.yaml", yaml_}}, "/nowhere", &problems);
    FULCRUM_ASSERT_OK(bundle);
    bundle_ = *bundle;
  }

  void Compare() {
    const MadeUpRequest request = MakeRequest();
    domain::DecisionContext context;
    context.now = request.now;
    UserValues user;
    if (request.country) context.values["country"] = *request.country;
    if (request.city) context.values["geo.city"] = *request.city;
    if (request.segment) user["segment"] = *request.segment;
    if (request.age) user["age"] = *request.age;
    if (Below(3) == 0) NameSome(&context.candidates);
    const auto list = ReadList(*bundle_, bundle_->surfaces[0], context);
    FULCRUM_ASSERT_OK(list);
    const auto found = FindCandidates(*bundle_, bundle_->surfaces[0], context,
                                      user.empty() ? nullptr : &user, *list);
    FULCRUM_ASSERT_OK(found);
    std::vector<std::string> ids;
    for (const int32_t one : *found) ids.push_back(bundle_->actions[static_cast<size_t>(one)].id);
    EXPECT_EQ(ids, BruteForce(request, context.candidates)) << yaml_;
    eligible_ += ids.size();
    asked_ += context.candidates.empty() ? shown_.size() : context.candidates.size();
  }

  size_t eligible() const { return eligible_; }
  size_t asked() const { return asked_; }

 private:
  uint64_t Below(uint64_t bound) { return maker_.Below(bound); }

  void AddCampaign(const std::string& id, bool with_region, std::string* yaml) {
    MadeUpRule rule;
    if (Below(5) != 0) rule = maker_.Make(3);
    absl::StrAppend(yaml, "  - id: ", id, "\n    account: shop\n    currency: EUR\n");
    if (!rule.text.empty()) absl::StrAppend(yaml, "    eligible: '", rule.text, "'\n");
    absl::StrAppend(yaml, "    actions:\n");
    const uint64_t count = 1 + Below(3);
    for (uint64_t i = 0; i < count; ++i) {
      Shown one;
      one.of_campaign = rule;
      // Not in the order of the campaigns.
      one.action.id = absl::StrCat("a", Below(1'000'000), "-", shown_.size());
      one.action.category = absl::StrCat("k", Below(3));
      absl::StrAppend(yaml, "      - id: ", one.action.id, "\n        categories: [",
                      one.action.category, "]\n");
      Decorate(with_region, &one, yaml);
      shown_.push_back(std::move(one));
    }
  }

  void Decorate(bool with_region, Shown* one, std::string* yaml) {
    if (shown_.empty() || Below(2) == 0) {
      one->action.home = RuleMaker::Country(Below(6));
      absl::StrAppend(yaml, "        attributes: [{name: home, text: ", *one->action.home, "}]\n");
    } else {
      absl::StrAppend(yaml, "        attributes: [{name: weight, number: 1}]\n");
    }
    if (Below(3) == 0) {
      one->own = maker_.Make(2);
      absl::StrAppend(yaml, "        eligible: '", one->own.text, "'\n");
    }
    if (with_region && Below(4) == 0) {
      one->regions = {RuleMaker::Country(Below(3)), RuleMaker::Country(3 + Below(3))};
      absl::StrAppend(yaml, "        regions: [", absl::StrJoin(one->regions, ", "), "]\n");
    }
    if (Below(8) == 0) {
      one->approved = false;
      absl::StrAppend(yaml, "        approval: ", Below(2) == 0 ? "pending" : "denied", "\n");
    }
    if (Below(6) == 0) {
      one->expires_hour = static_cast<int>(Below(48));
      absl::StrAppend(yaml, "        expires: ",
                      absl::FormatTime(absl::RFC3339_sec, kStart + absl::Hours(one->expires_hour),
                                       absl::UTCTimeZone()),
                      "\n");
    }
  }

  void AddJurisdictions() {
    absl::StrAppend(&yaml_, "jurisdictions:\n");
    for (uint64_t i = 0; i < 2; ++i) {
      Jurisdiction one{{RuleMaker::Country(Below(3)), RuleMaker::Country(3 + Below(3))},
                       maker_.Make(2)};
      absl::StrAppend(&yaml_, "  - {id: j", i, ", regions: [", absl::StrJoin(one.regions, ", "),
                      "], eligible: '", one.rule.text, "'}\n");
      jurisdictions_.push_back(std::move(one));
    }
  }

  std::optional<std::string> MaybeCountry() {
    if (Below(6) == 0) return std::nullopt;
    return RuleMaker::Country(Below(7));
  }

  MadeUpRequest MakeRequest() {
    MadeUpRequest request;
    request.country = MaybeCountry();
    request.city = MaybeCountry();
    request.segment = MaybeCountry();
    if (Below(4) != 0) request.age = static_cast<double>(Below(60));
    request.now = kStart + absl::Minutes(static_cast<int64_t>(Below(uint64_t{2} * 24 * 60)));
    return request;
  }

  void NameSome(std::vector<std::string>* names) {
    for (const Shown& one : shown_) {
      if (Below(2) == 0) names->push_back(one.action.id);
    }
  }

  bool IsIn(const std::vector<std::string>& regions, const MadeUpRequest& request) const {
    return std::find(regions.begin(), regions.end(), *request.country) != regions.end();
  }

  bool IsEligible(const Shown& one, const MadeUpRequest& request) const {
    const bool known = with_region_ && request.country.has_value();
    if (!one.approved || request.now >= kStart + absl::Hours(one.expires_hour)) return false;
    if (!one.regions.empty() && !(known && IsIn(one.regions, request))) return false;
    for (const Jurisdiction& each : jurisdictions_) {
      const bool applies = !known || IsIn(each.regions, request);
      if (applies && !each.rule.Holds(request, one.action)) return false;
    }
    return one.of_campaign.Holds(request, one.action) && one.own.Holds(request, one.action);
  }

  std::vector<std::string> BruteForce(const MadeUpRequest& request,
                                      const std::vector<std::string>& named) const {
    std::set<std::string> eligible;
    for (const Shown& one : shown_) {
      const bool asked =
          named.empty() || std::find(named.begin(), named.end(), one.action.id) != named.end();
      if (asked && IsEligible(one, request)) eligible.insert(one.action.id);
    }
    return {eligible.begin(), eligible.end()};
  }

  base::RandomStream random_;
  RuleMaker maker_;
  bool with_region_ = false;
  std::string yaml_;
  std::vector<Shown> shown_;
  std::vector<Jurisdiction> jurisdictions_;
  std::shared_ptr<const config::Bundle> bundle_;
  size_t eligible_ = 0;
  size_t asked_ = 0;
};

TEST(Eligibility, TheIndexFindsWhatAWalkOverAllActionsFinds) {
  size_t eligible = 0, asked = 0;
  for (uint64_t seed = 1; seed <= kBundles; ++seed) {
    World world(seed);
    ASSERT_NO_FATAL_FAILURE(world.Load());
    for (int i = 0; i < kRequests && !HasFailure(); ++i) world.Compare();
    eligible += world.eligible();
    asked += world.asked();
  }
  // Neither nobody nor everybody.
  EXPECT_GT(eligible, asked / 20);
  EXPECT_LT(eligible, asked / 2);
}

}  // namespace
}  // namespace fulcrum::candidates
