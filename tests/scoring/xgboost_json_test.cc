#include "scoring/xgboost_json.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::scoring {
namespace {

using ::testing::HasSubstr;

// One split on the second column; the fields that XGBoost also writes and nobody needs are absent.
std::string SmallModel() {
  return R"({"learner":{"feature_names":[],"feature_types":[],
    "gradient_booster":{"model":{"tree_info":[0],"trees":[{
      "categories":[],"categories_nodes":[],
      "default_left":[1,0,0],"left_children":[1,-1,-1],"right_children":[2,-1,-1],
      "split_conditions":[0.5,-1.5,2.5],"split_indices":[1,0,0],"split_type":[0,0,0],
      "tree_param":{"num_nodes":"3","size_leaf_vector":"0"}}]},"name":"gbtree"},
    "learner_model_param":{"base_score":"5E-1","num_class":"0","num_feature":"2","num_target":"1"},
    "objective":{"name":"binary:logistic"}},"version":[1,7,4]})";
}

// `from` must be there, or the case would test nothing.
std::string With(const std::string& from, const std::string& to) {
  const std::string text = SmallModel();
  EXPECT_THAT(text, HasSubstr(from));
  return absl::StrReplaceAll(text, {{from, to}});
}

float Margin(const Forest& forest, float x) {
  const float row[] = {0, x};
  float margin = 0;
  forest.Predict(row, {&margin, 1});
  return margin;
}

TEST(XgboostJson, ReadsAModel) {
  const absl::StatusOr<XgboostModel> model = ParseXgboostJson(SmallModel());
  FULCRUM_ASSERT_OK(model);
  EXPECT_EQ(model->objective, "binary:logistic");
  EXPECT_EQ(model->link, Link::kLogistic);
  EXPECT_EQ(model->forest.columns(), 2);
  EXPECT_EQ(Margin(model->forest, 0.4F), -1.5F);
  EXPECT_EQ(Margin(model->forest, 0.5F), 2.5F);
  EXPECT_EQ(Margin(model->forest, NAN), -1.5F);
}

TEST(XgboostJson, BaseScoreIsOnTheScaleOfThePrediction) {
  const auto logistic = ParseXgboostJson(With("\"5E-1\"", "\"2E-2\""));
  FULCRUM_ASSERT_OK(logistic);
  EXPECT_NEAR(logistic->forest.base_margin(), std::log(0.02 / 0.98), 1e-6);
  const auto squared = ParseXgboostJson(absl::StrReplaceAll(
      With("\"5E-1\"", "\"-3.5E0\""), {{"binary:logistic", "reg:squarederror"}}));
  FULCRUM_ASSERT_OK(squared);
  EXPECT_EQ(squared->forest.base_margin(), -3.5F);
  EXPECT_EQ(squared->link, Link::kIdentity);
}

TEST(XgboostJson, KeepsFeatureNames) {
  const auto model =
      ParseXgboostJson(With("\"feature_names\":[]", "\"feature_names\":[\"a\",\"b\"]"));
  FULCRUM_ASSERT_OK(model);
  EXPECT_THAT(model->feature_names, ::testing::ElementsAre("a", "b"));
}

struct Refusal {
  const char* from;
  const char* to;
  absl::StatusCode code;
  const char* message;
};

class XgboostJsonRefuses : public ::testing::TestWithParam<Refusal> {};

TEST_P(XgboostJsonRefuses, WithTheReason) {
  EXPECT_THAT(ParseXgboostJson(With(GetParam().from, GetParam().to)),
              testing::StatusIs(GetParam().code, HasSubstr(GetParam().message)));
}

constexpr auto kWrong = absl::StatusCode::kInvalidArgument;
constexpr auto kUnsupported = absl::StatusCode::kUnimplemented;

INSTANTIATE_TEST_SUITE_P(
    Unsupported, XgboostJsonRefuses,
    ::testing::Values(
        Refusal{"gbtree", "dart", kUnsupported, "\"dart\"; only gbtree"},
        Refusal{"gbtree", "gblinear", kUnsupported, "\"gblinear\"; only gbtree"},
        Refusal{"binary:logistic", "rank:pairwise", kUnsupported, "\"rank:pairwise\"; use"},
        Refusal{"\"num_class\":\"0\"", "\"num_class\":\"3\"", kUnsupported, "num_class 3"},
        Refusal{"\"num_target\":\"1\"", "\"num_target\":\"2\"", kUnsupported, "num_target 2"},
        Refusal{"\"tree_info\":[0]", "\"tree_info\":[1]", kUnsupported, "several outputs"},
        Refusal{"\"size_leaf_vector\":\"0\"", "\"size_leaf_vector\":\"2\"", kUnsupported,
                "several outputs"},
        Refusal{"\"split_type\":[0,0,0]", "\"split_type\":[1,0,0]", kUnsupported, "categorical"},
        Refusal{"\"categories_nodes\":[]", "\"categories_nodes\":[0]", kUnsupported, "categorical"},
        Refusal{"[1,7,4]", "[3,0,0]", kUnsupported, "XGBoost 3"}));

INSTANTIATE_TEST_SUITE_P(
    Wrong, XgboostJsonRefuses,
    ::testing::Values(
        Refusal{"\"learner\":{", "\"learned\":{", kWrong, "learner: is missing"},
        Refusal{"\"num_feature\":\"2\"", "\"num_feature\":\"1\"", kWrong, "column 1 of 1"},
        Refusal{"\"num_feature\":\"2\"", "\"num_feature\":\"0\"", kWrong, "0 columns"},
        Refusal{"\"num_feature\":\"2\"", "\"num_feature\":\"-2\"", kWrong, "no count"},
        Refusal{"\"num_feature\":\"2\"", "\"num_feature\":2", kWrong, "not a string"},
        Refusal{"\"feature_names\":[]", "\"feature_names\":[\"a\"]", kWrong,
                "1 entries instead of 2"},
        Refusal{"\"5E-1\"", "\"0\"", kWrong, "not between 0 and 1"},
        Refusal{"\"5E-1\"", "\"1\"", kWrong, "not between 0 and 1"},
        Refusal{"\"5E-1\"", "\"nan\"", kWrong, "no finite number"},
        Refusal{"\"5E-1\"", "\"[5E-1]\"", kWrong, "no finite number"},
        Refusal{"\"5E-1\"", "\"1E-44\"", kWrong, "no finite logit"},
        Refusal{"[1,-1,-1]", "[0,-1,-1]", kWrong, "reached twice"},
        Refusal{"[1,-1,-1]", "[9,-1,-1]", kWrong, "child 9 does not exist"},
        Refusal{"[1,-1,-1]", "[1,-1]", kWrong, "right_children: has 3 entries instead of 2"},
        Refusal{"[1,-1,-1]", "[1,-1,\"x\"]", kWrong, "left_children[2]: is no index"},
        Refusal{"[1,0,0],\"split_type\"", "[-1,0,0],\"split_type\"", kWrong, "split_indices[0]"},
        Refusal{"-1.5", "NaN", kWrong, "leaf is not a finite number"},
        Refusal{"-1.5", "1e300", kWrong, "leaf is not a finite number"},
        Refusal{"0.5,", "NaN,", kWrong, "threshold is NaN"},
        Refusal{"0.5,", "null,", kWrong, "split_conditions[0]: is no number"},
        Refusal{"\"default_left\":[1", "\"default_left\":[2", kWrong, "neither 0 nor 1"},
        Refusal{"\"trees\":[{", "\"trees\":[7,{", kWrong, "1 entries instead of 2"},
        Refusal{"[1,7,4]", "[1,7]", kWrong, "version: has 2 entries"},
        Refusal{"\"version\"", "version", kWrong, "byte "}));

TEST(XgboostJson, RefusesWhatIsNoModel) {
  for (const char* text :
       {"", "{", "[]", "null", "{}", "\xff", "{\"version\":[1,7,4],\"learner\":3}"}) {
    EXPECT_FALSE(ParseXgboostJson(text).ok()) << text;
  }
  EXPECT_FALSE(ParseXgboostJson(SmallModel() + "x").ok());
}

TEST(XgboostJson, SurvivesHostileNesting) {
  EXPECT_FALSE(ParseXgboostJson(std::string(5'000'000, '[')).ok());
  EXPECT_FALSE(ParseXgboostJson(std::string(1'000'000, '[') + std::string(1'000'000, ']')).ok());
}

TEST(XgboostJson, EveryPrefixIsRefused) {
  const std::string text = SmallModel();
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(ParseXgboostJson(std::string_view(text).substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace fulcrum::scoring
