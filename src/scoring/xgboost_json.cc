#include "scoring/xgboost_json.h"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/math.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace fulcrum::scoring {
namespace {

using Json = rapidjson::Value;

constexpr size_t kTreesMax = 20000;

// A JSON value and where it stands, so that every error can say so.
struct Place {
  const Json* value;
  std::string path;
};

absl::Status Wrong(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

absl::Status Unsupported(const std::string& path, const std::string& what) {
  return absl::UnimplementedError(absl::StrCat(path, ": ", what));
}

absl::StatusOr<Place> Member(const Place& object, const char* name) {
  std::string path = object.path.empty() ? name : absl::StrCat(object.path, ".", name);
  if (!object.value->IsObject()) return Wrong(object.path, "is not an object");
  const auto found = object.value->FindMember(name);
  if (found == object.value->MemberEnd()) return Wrong(path, "is missing");
  return Place{&found->value, std::move(path)};
}

absl::StatusOr<std::string> StringMember(const Place& object, const char* name) {
  FULCRUM_ASSIGN_OR_RETURN(const Place place, Member(object, name));
  if (!place.value->IsString()) return Wrong(place.path, "is not a string");
  return std::string(place.value->GetString(), place.value->GetStringLength());
}

// XGBoost writes its parameters as strings.
absl::StatusOr<uint32_t> CountMember(const Place& object, const char* name) {
  FULCRUM_ASSIGN_OR_RETURN(const std::string text, StringMember(object, name));
  uint32_t count = 0;
  if (!absl::SimpleAtoi(text, &count)) {
    return Wrong(absl::StrCat(object.path, ".", name), absl::StrCat("\"", text, "\" is no count"));
  }
  return count;
}

absl::StatusOr<Place> ArrayMember(const Place& object, const char* name) {
  FULCRUM_ASSIGN_OR_RETURN(Place place, Member(object, name));
  if (!place.value->IsArray()) return Wrong(place.path, "is not an array");
  return place;
}

absl::StatusOr<Place> ArrayMember(const Place& object, const char* name, size_t size) {
  FULCRUM_ASSIGN_OR_RETURN(Place place, ArrayMember(object, name));
  if (place.value->Size() != size) {
    return Wrong(place.path,
                 absl::StrCat("has ", place.value->Size(), " entries instead of ", size));
  }
  return place;
}

// A file of 1.7 has these lists; a longer one than empty means categorical splits.
absl::Status RefuseCategories(const Place& tree, const char* name) {
  if (!tree.value->HasMember(name)) return absl::OkStatus();
  FULCRUM_ASSIGN_OR_RETURN(const Place place, ArrayMember(tree, name));
  for (const Json& entry : place.value->GetArray()) {
    const bool numeric_type =
        absl::string_view(name) == "split_type" && entry.IsInt() && entry.GetInt() == 0;
    if (!numeric_type) {
      return Unsupported(place.path, "categorical splits; encode categories as 0/1 columns");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTreeSupported(const Place& tree) {
  for (const char* name : {"split_type", "categories", "categories_nodes"}) {
    FULCRUM_RETURN_IF_ERROR(RefuseCategories(tree, name));
  }
  FULCRUM_ASSIGN_OR_RETURN(const Place parameters, Member(tree, "tree_param"));
  if (parameters.value->IsObject() && parameters.value->HasMember("size_leaf_vector")) {
    FULCRUM_ASSIGN_OR_RETURN(const uint32_t size, CountMember(parameters, "size_leaf_vector"));
    if (size > 1) return Unsupported(parameters.path, "leaves with several outputs");
  }
  return absl::OkStatus();
}

bool ReadFlag(const Json& value, bool* flag) {
  if (value.IsBool()) {
    *flag = value.GetBool();
    return true;
  }
  if (!value.IsInt() || (value.GetInt() != 0 && value.GetInt() != 1)) return false;
  *flag = value.GetInt() == 1;
  return true;
}

// A double outside float32's range would be undefined to convert; it becomes an infinity.
bool ReadFloat(const Json& value, float* number) {
  if (!value.IsNumber()) return false;
  const double wide = value.GetDouble();
  constexpr double kMax = std::numeric_limits<float>::max();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  *number = wide > kMax ? kInfinity : wide < -kMax ? -kInfinity : static_cast<float>(wide);
  return true;
}

struct TreeArrays {
  Place left, right, column, value, default_left;
};

absl::StatusOr<TreeArrays> FindArrays(const Place& tree) {
  TreeArrays arrays;
  FULCRUM_ASSIGN_OR_RETURN(arrays.left, ArrayMember(tree, "left_children"));
  const size_t size = arrays.left.value->Size();
  FULCRUM_ASSIGN_OR_RETURN(arrays.right, ArrayMember(tree, "right_children", size));
  FULCRUM_ASSIGN_OR_RETURN(arrays.column, ArrayMember(tree, "split_indices", size));
  FULCRUM_ASSIGN_OR_RETURN(arrays.value, ArrayMember(tree, "split_conditions", size));
  FULCRUM_ASSIGN_OR_RETURN(arrays.default_left, ArrayMember(tree, "default_left", size));
  return arrays;
}

absl::StatusOr<TreeNode> ReadNode(const TreeArrays& arrays, rapidjson::SizeType i) {
  const Json& left = (*arrays.left.value)[i];
  const Json& right = (*arrays.right.value)[i];
  const Json& column = (*arrays.column.value)[i];
  TreeNode node;
  if (!left.IsInt()) return Wrong(absl::StrCat(arrays.left.path, "[", i, "]"), "is no index");
  if (!right.IsInt()) return Wrong(absl::StrCat(arrays.right.path, "[", i, "]"), "is no index");
  if (!column.IsUint()) return Wrong(absl::StrCat(arrays.column.path, "[", i, "]"), "is no index");
  if (!ReadFloat((*arrays.value.value)[i], &node.value)) {
    return Wrong(absl::StrCat(arrays.value.path, "[", i, "]"), "is no number");
  }
  if (!ReadFlag((*arrays.default_left.value)[i], &node.default_left)) {
    return Wrong(absl::StrCat(arrays.default_left.path, "[", i, "]"), "is neither 0 nor 1");
  }
  node.left = left.GetInt();
  node.right = right.GetInt();
  node.column = column.GetUint();
  return node;
}

absl::StatusOr<Tree> ReadTree(const Place& place) {
  FULCRUM_RETURN_IF_ERROR(CheckTreeSupported(place));
  FULCRUM_ASSIGN_OR_RETURN(const TreeArrays arrays, FindArrays(place));
  Tree tree;
  tree.reserve(arrays.left.value->Size());
  for (rapidjson::SizeType i = 0; i < arrays.left.value->Size(); ++i) {
    FULCRUM_ASSIGN_OR_RETURN(const TreeNode node, ReadNode(arrays, i));
    tree.push_back(node);
  }
  return tree;
}

absl::StatusOr<std::vector<Tree>> ReadTrees(const Place& booster) {
  FULCRUM_ASSIGN_OR_RETURN(const std::string name, StringMember(booster, "name"));
  if (name != "gbtree") {
    return Unsupported(absl::StrCat(booster.path, ".name"),
                       absl::StrCat("\"", name, "\"; only gbtree is supported"));
  }
  FULCRUM_ASSIGN_OR_RETURN(const Place model, Member(booster, "model"));
  FULCRUM_ASSIGN_OR_RETURN(const Place trees, ArrayMember(model, "trees"));
  if (trees.value->Size() > kTreesMax) {
    return Unsupported(trees.path, absl::StrCat("more than ", kTreesMax, " trees"));
  }
  FULCRUM_ASSIGN_OR_RETURN(const Place groups,
                           ArrayMember(model, "tree_info", trees.value->Size()));
  std::vector<Tree> result;
  result.reserve(trees.value->Size());
  for (rapidjson::SizeType i = 0; i < trees.value->Size(); ++i) {
    const Json& group = (*groups.value)[i];
    if (!group.IsInt() || group.GetInt() != 0) {
      return Unsupported(groups.path, "trees of several outputs");
    }
    const Place place{&(*trees.value)[i], absl::StrCat(trees.path, "[", i, "]")};
    FULCRUM_ASSIGN_OR_RETURN(Tree tree, ReadTree(place));
    result.push_back(std::move(tree));
  }
  return result;
}

absl::Status ReadLink(const Place& learner, XgboostModel* model) {
  FULCRUM_ASSIGN_OR_RETURN(const Place objective, Member(learner, "objective"));
  FULCRUM_ASSIGN_OR_RETURN(model->objective, StringMember(objective, "name"));
  if (model->objective == "binary:logistic" || model->objective == "reg:logistic") {
    model->link = Link::kLogistic;
  } else if (model->objective == "reg:squarederror") {
    model->link = Link::kIdentity;
  } else {
    return Unsupported(absl::StrCat(objective.path, ".name"),
                       absl::StrCat("\"", model->objective,
                                    "\"; use binary:logistic, reg:logistic or reg:squarederror"));
  }
  return absl::OkStatus();
}

// The file states base_score on the scale of the prediction; the trees add to its margin. The
// float32 steps are XGBoost's.
absl::StatusOr<float> ReadBaseMargin(const Place& parameters, Link link) {
  FULCRUM_ASSIGN_OR_RETURN(const std::string text, StringMember(parameters, "base_score"));
  const std::string path = absl::StrCat(parameters.path, ".base_score");
  float score = 0;
  if (!absl::SimpleAtof(text, &score) || !std::isfinite(score)) {
    return Wrong(path, absl::StrCat("\"", text, "\" is no finite number"));
  }
  if (link == Link::kIdentity) return score;
  if (!(score > 0 && score < 1)) {
    return Wrong(path, absl::StrCat("\"", text, "\" is not between 0 and 1"));
  }
  const float odds_against = 1.0F / score - 1.0F;
  if (!(odds_against > 0) || !std::isfinite(odds_against)) {
    return Wrong(path, absl::StrCat("\"", text, "\" has no finite logit"));
  }
  return static_cast<float>(-base::Log(static_cast<double>(odds_against)));
}

absl::Status RefuseSeveralOutputs(const Place& parameters) {
  FULCRUM_ASSIGN_OR_RETURN(const uint32_t classes, CountMember(parameters, "num_class"));
  if (classes > 1) {
    return Unsupported(parameters.path, absl::StrCat("num_class ", classes, "; one output only"));
  }
  if (!parameters.value->HasMember("num_target")) return absl::OkStatus();  // before 1.6
  FULCRUM_ASSIGN_OR_RETURN(const uint32_t targets, CountMember(parameters, "num_target"));
  if (targets > 1) {
    return Unsupported(parameters.path, absl::StrCat("num_target ", targets, "; one output only"));
  }
  return absl::OkStatus();
}

absl::Status ReadFeatureNames(const Place& learner, uint32_t columns, XgboostModel* model) {
  if (!learner.value->HasMember("feature_names")) return absl::OkStatus();
  FULCRUM_ASSIGN_OR_RETURN(const Place names, ArrayMember(learner, "feature_names"));
  if (names.value->Empty()) return absl::OkStatus();
  FULCRUM_RETURN_IF_ERROR(ArrayMember(learner, "feature_names", columns).status());
  for (const Json& name : names.value->GetArray()) {
    if (!name.IsString()) return Wrong(names.path, "has an entry that is not a string");
    model->feature_names.emplace_back(name.GetString(), name.GetStringLength());
  }
  return absl::OkStatus();
}

absl::Status CheckVersion(const Place& root) {
  FULCRUM_ASSIGN_OR_RETURN(const Place version, ArrayMember(root, "version", 3));
  const Json& major = (*version.value)[0];
  if (!major.IsInt()) return Wrong(version.path, "is not three numbers");
  if (major.GetInt() != 1) {
    return Unsupported(version.path, absl::StrCat("written by XGBoost ", major.GetInt(),
                                                  "; files of XGBoost 1.x are supported"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<XgboostModel> ParseXgboostJson(std::string_view text) {
  if (text.size() > kXgboostJsonBytesMax) {
    return absl::ResourceExhaustedError(absl::StrCat("an XGBoost model of ", text.size(),
                                                     " bytes: at most ", kXgboostJsonBytesMax));
  }
  rapidjson::Document document;
  // Iterative: the depth of hostile nesting must not be the depth of our stack. The normal
  // precision rounds once for powers of ten up to 22 and else is a bit of a double off, far below a
  // float32; RapidJSON's full precision counts the leading zeros of 0, which is undefined.
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseNanAndInfFlag |
                              rapidjson::kParseValidateEncodingFlag;
  document.Parse<kFlags>(text.data(), text.size());
  if (document.HasParseError()) {
    return absl::InvalidArgumentError(
        absl::StrCat("byte ", document.GetErrorOffset(), ": ",
                     rapidjson::GetParseError_En(document.GetParseError())));
  }
  const Place root{&document, ""};
  if (!document.IsObject()) return absl::InvalidArgumentError("the model is not a JSON object");
  FULCRUM_RETURN_IF_ERROR(CheckVersion(root));
  FULCRUM_ASSIGN_OR_RETURN(const Place learner, Member(root, "learner"));
  XgboostModel model;
  FULCRUM_RETURN_IF_ERROR(ReadLink(learner, &model));
  FULCRUM_ASSIGN_OR_RETURN(const Place parameters, Member(learner, "learner_model_param"));
  FULCRUM_RETURN_IF_ERROR(RefuseSeveralOutputs(parameters));
  FULCRUM_ASSIGN_OR_RETURN(const uint32_t columns, CountMember(parameters, "num_feature"));
  FULCRUM_RETURN_IF_ERROR(ReadFeatureNames(learner, columns, &model));
  FULCRUM_ASSIGN_OR_RETURN(const float base_margin, ReadBaseMargin(parameters, model.link));
  FULCRUM_ASSIGN_OR_RETURN(const Place booster, Member(learner, "gradient_booster"));
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<Tree> trees, ReadTrees(booster));
  FULCRUM_ASSIGN_OR_RETURN(model.forest, Forest::Build(columns, base_margin, trees));
  return model;
}

}  // namespace fulcrum::scoring
