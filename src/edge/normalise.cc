#include "edge/normalise.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "edge/timestamp.h"
#include "fulcrum/v1/decision_service.pb.h"

namespace fulcrum::edge {
namespace {

constexpr size_t kRequestIdBytesMax = 64;
constexpr size_t kUserIdBytesMax = 256;
constexpr int kContextEntriesMax = 512;
constexpr size_t kContextKeyBytesMax = 128;
constexpr size_t kContextTextBytesMax = 256;

// How the latency budget is split: features and score get 35 % each; of the edge's 30 % a third is
// for the way in and the rest for the log and the way back.
constexpr double kFeaturesEnd = 0.10 + 0.35;
constexpr double kSelectionEnd = kFeaturesEnd + 0.35;

absl::Status Bad(std::string_view field, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(base::ToAbsl(field), ": ", base::ToAbsl(what)));
}

std::string Trimmed(const std::string& text) {
  return std::string(base::FromAbsl(absl::StripAsciiWhitespace(text)));
}

absl::StatusOr<absl::Time> TimeOf(const v1::DecideRequest& request, const Arrival& arrival,
                                  ClockMode mode) {
  if (mode == ClockMode::kWall) {
    if (!request.has_occurred_at()) return arrival.now;
    return Bad("occurred_at",
               "this server uses its own clock; start it with --clock request to "
               "play recorded traffic");
  }
  if (!request.has_occurred_at()) {
    return Bad("occurred_at", "required, because the server runs with --clock request");
  }
  return OccurredAt(request.occurred_at());
}

// The value if it can be used under the declared type.
std::optional<domain::FeatureValue> ValueOf(const v1::ContextValue& value, bool numeric) {
  if (numeric && value.has_number()) {
    if (std::isnan(value.number())) return domain::FeatureValue();
    if (!std::isfinite(value.number())) return std::nullopt;
    return domain::FeatureValue(value.number());
  }
  if (!numeric && value.has_text()) {
    std::string text = Trimmed(value.text());
    if (text.size() > kContextTextBytesMax) return std::nullopt;
    return domain::FeatureValue(std::move(text));
  }
  if (value.kind_case() == v1::ContextValue::KIND_NOT_SET) return domain::FeatureValue();
  return std::nullopt;
}

absl::Status FillContext(const v1::DecideRequest& request, const ContextKeys& keys,
                         Normalised* result) {
  if (request.context_size() > kContextEntriesMax) {
    return Bad("context", absl::StrCat(request.context_size(), " entries; at most ",
                                       kContextEntriesMax, " are allowed"));
  }
  for (const auto& [key, value] : request.context()) {
    if (key.size() > kContextKeyBytesMax) return Bad("context", "a key is longer than 128 bytes");
    const std::optional<bool> numeric = keys.IsNumeric(key);
    std::optional<domain::FeatureValue> usable;
    if (numeric) usable = ValueOf(value, *numeric);
    if (!usable) {
      ++result->dropped_keys;
    } else if (!std::holds_alternative<std::monostate>(*usable)) {
      result->context.values.emplace(key, *std::move(usable));
    }
  }
  return absl::OkStatus();
}

// At least one: it was possible.
Ticks TicksOf(double propensity) {
  return std::max(static_cast<Ticks>(propensity * static_cast<double>(kTicksTotal)), Ticks{1});
}

absl::Status FillBaseline(const v1::DecideRequest& request, Normalised* result) {
  if (request.baseline_actions_size() > static_cast<int>(result->surface->slate_size_max)) {
    return Bad("baseline_actions",
               absl::StrCat(request.baseline_actions_size(), ", but surface '", result->surface->id,
                            "' allows ", result->surface->slate_size_max, " (slate_size_max)"));
  }
  for (const v1::BaselineAction& action : request.baseline_actions()) {
    domain::BaselineAction& to = result->context.baseline.emplace_back();
    to.action_id = action.action_id();
    if (!action.has_propensity()) continue;
    if (!(action.propensity() > 0 && action.propensity() <= 1)) {
      return Bad("baseline_actions", "a propensity is not above 0 and at most 1");
    }
    to.ticks = TicksOf(action.propensity());
  }
  return absl::OkStatus();
}

absl::Status FillDeadline(const Arrival& arrival, Normalised* result) {
  absl::Duration budget = result->surface->latency_budget;
  if (arrival.caller_deadline) budget = std::min(budget, *arrival.caller_deadline);
  if (budget <= absl::ZeroDuration()) {
    return absl::DeadlineExceededError("the caller's deadline had passed on arrival");
  }
  result->context.received = arrival.received;
  result->context.latency_budget = budget;
  result->context.alarm_at =
      arrival.received + absl::ToChronoNanoseconds(budget - ReserveFor(budget));
  const auto after = [&](double share) {
    return arrival.received + absl::ToChronoNanoseconds(budget * share);
  };
  result->context.features_until = after(kFeaturesEnd);
  result->context.selection_until = after(kSelectionEnd);
  return absl::OkStatus();
}

}  // namespace

ContextKeys::ContextKeys(const std::vector<config::ContextKey>& keys) {
  for (const config::ContextKey& key : keys) {
    if (!key.name.empty() && key.name.back() == '*') {
      prefixes_.emplace_back(key.name.substr(0, key.name.size() - 1), key.numeric);
    } else {
      exact_.emplace(key.name, key.numeric);
    }
  }
}

std::optional<bool> ContextKeys::IsNumeric(std::string_view key) const {
  const auto found = exact_.find(key);
  if (found != exact_.end()) return found->second;
  for (const auto& [prefix, numeric] : prefixes_) {
    if (key.substr(0, prefix.size()) == prefix) return numeric;
  }
  return std::nullopt;
}

absl::Duration ReserveFor(absl::Duration budget) {
  const absl::Duration tenth =
      std::clamp(budget / 10, absl::Microseconds(500), absl::Milliseconds(5));
  return std::min(tenth, budget / 2);
}

absl::StatusOr<Normalised> Normalise(const v1::DecideRequest& request, const config::Bundle& bundle,
                                     const ContextKeys& keys, const Arrival& arrival,
                                     ClockMode clock_mode) {
  Normalised result;
  result.surface = bundle.FindSurface(request.surface());
  if (result.surface == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("surface: the bundle has no surface '", request.surface().substr(0, 64), "'"));
  }
  domain::DecisionContext& context = result.context;
  context.surface = result.surface->id;
  context.user_id = Trimmed(request.user_id());
  if (context.user_id.empty()) return Bad("user_id", "must not be empty");
  if (context.user_id.size() > kUserIdBytesMax) return Bad("user_id", "longer than 256 bytes");
  if (request.request_id().size() > kRequestIdBytesMax) {
    return Bad("request_id", "longer than 64 bytes");
  }
  context.request_id = request.request_id();
  context.slate_size = std::max(request.slate_size(), 1u);
  if (context.slate_size > result.surface->slate_size_max) {
    return Bad("slate_size",
               absl::StrCat(context.slate_size, ", but surface '", result.surface->id, "' allows ",
                            result.surface->slate_size_max, " (slate_size_max)"));
  }
  FULCRUM_RETURN_IF_ERROR(FillBaseline(request, &result));
  context.candidates.assign(request.candidates().begin(), request.candidates().end());
  FULCRUM_ASSIGN_OR_RETURN(context.now, TimeOf(request, arrival, clock_mode));
  FULCRUM_RETURN_IF_ERROR(FillContext(request, keys, &result));
  FULCRUM_RETURN_IF_ERROR(FillDeadline(arrival, &result));
  return result;
}

}  // namespace fulcrum::edge
