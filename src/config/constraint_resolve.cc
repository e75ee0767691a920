#include "config/constraint_resolve.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "config/constraint_check.h"
#include "config/proto_time.h"
#include "config/request_key.h"

namespace fulcrum::config {
namespace {

constexpr absl::Duration kReturnWindow = absl::Hours(720);

int64_t MicrosOf(const google::protobuf::Duration& span) {
  return absl::ToInt64Microseconds(DurationOf(span));
}

// Where each action of the bundle as read stands in the one that is made.
template <typename Do>
void ForEachAction(const v1::Bundle& from, const Bundle& to, Do act) {
  for (const v1::Campaign& campaign : from.campaigns()) {
    for (const v1::Action& action : campaign.actions()) {
      act(campaign, action, to.action_index.find(action.id())->second);
    }
  }
}

Resource ResourceOf(v1::Resource resource) {
  if (resource == v1::RESOURCE_COST) return Resource::kCost;
  return resource == v1::RESOURCE_ATTRIBUTE ? Resource::kAttribute : Resource::kExposures;
}

Window WindowOf(v1::Window window) {
  switch (window) {
    case v1::WINDOW_DAY:
      return Window::kDay;
    case v1::WINDOW_HOUR:
      return Window::kHour;
    case v1::WINDOW_ROLLING:
      return Window::kRolling;
    default:
      return Window::kTotal;
  }
}

absl::TimeZone ZoneOf(const v1::Constraint& row, const Bundle& to) {
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!row.time_zone().empty()) {
    FULCRUM_CHECK(absl::LoadTimeZone(row.time_zone(), &zone));  // validated
  } else if (!row.campaign().empty()) {
    zone =
        to.campaigns[static_cast<size_t>(to.campaign_index.find(row.campaign())->second)].time_zone;
  }
  return zone;
}

Match MatchOf(const v1::Match& from) {
  Match match;
  std::string_view key = from.key();
  match.of_user = key.starts_with(kUserPrefix);
  key.remove_prefix(match.of_user ? kUserPrefix.size() : kContextPrefix.size());
  match.key = key;
  match.values = {from.values().begin(), from.values().end()};
  return match;
}

// Rows without any of it have none, so that their debits say nothing of it.
DebitTerms TermsOf(const v1::Constraint& row) {
  DebitTerms terms;
  terms.charged_on = row.charged_on();
  terms.in_cost = !terms.charged_on.empty() && row.resource() == v1::RESOURCE_COST;
  terms.returned_on = {row.returned_on().begin(), row.returned_on().end()};
  std::sort(terms.returned_on.begin(), terms.returned_on.end());
  if (!terms.returned_on.empty()) {
    terms.return_window_us = row.has_return_window() ? MicrosOf(row.return_window())
                                                     : absl::ToInt64Microseconds(kReturnWindow);
  }
  terms.kept_unshown = row.unshown() == v1::UNSHOWN_KEEP;
  return terms;
}

Constraint ResolveRow(const v1::Constraint& row, const v1::Bundle& from, const Bundle& to) {
  Constraint resolved;
  resolved.id = row.id();
  resolved.per_user = row.per() == v1::PER_USER;
  resolved.resource = ResourceOf(row.resource());
  resolved.attribute = row.attribute();
  resolved.window = WindowOf(row.window());
  if (row.has_span()) resolved.span_us = MicrosOf(row.span());
  resolved.time_zone = ZoneOf(row, to);
  resolved.limit = row.limit();
  resolved.relaxation = row.relaxation();
  resolved.terms = TermsOf(row);
  if (row.has_start()) resolved.start = TimeOf(row.start());
  if (row.has_end()) resolved.end = TimeOf(row.end());
  for (int i = 0; i < from.surfaces_size(); ++i) {
    const auto& named = row.surfaces();
    if (std::find(named.begin(), named.end(), from.surfaces(i).id()) != named.end()) {
      resolved.surfaces.push_back(i);
    }
  }
  resolved.segments = {row.segments().begin(), row.segments().end()};
  resolved.regions = {row.regions().begin(), row.regions().end()};
  for (const v1::Match& match : row.where()) resolved.where.push_back(MatchOf(match));
  ForEachAction(from, to, [&](const v1::Campaign& campaign, const v1::Action& action, int32_t at) {
    if (Counts(row, campaign, action)) resolved.actions.push_back(at);
  });
  std::sort(resolved.actions.begin(), resolved.actions.end());
  return resolved;
}

// Counts what a user was shown of one action, for the others of its exclusion.
Constraint ShownRow(const Exclusion& exclusion, int64_t span_us, int32_t action, const Bundle& to) {
  Constraint row;
  row.id = absl::StrCat(exclusion.id, ":", to.actions[static_cast<size_t>(action)].id);
  row.per_user = true;
  row.resource = Resource::kExposures;
  row.window = Window::kRolling;
  row.span_us = span_us;
  row.limit = kNoLimit;
  row.actions = {action};
  return row;
}

void ResolveExclusions(const v1::Bundle& from, Bundle* to) {
  for (const v1::Exclusion& one : from.exclusions()) {
    const auto index = static_cast<int32_t>(to->exclusions.size());
    Exclusion& exclusion = to->exclusions.emplace_back();
    exclusion.id = one.id();
    ForEachAction(from, *to, [&](const v1::Campaign&, const v1::Action& action, int32_t at) {
      if (!Lists(one, action)) return;
      exclusion.actions.push_back(at);
      to->actions[static_cast<size_t>(at)].exclusions.push_back(index);
    });
    std::sort(exclusion.actions.begin(), exclusion.actions.end());
    if (!one.has_span()) continue;
    for (const int32_t action : exclusion.actions) {
      to->constraints.push_back(ShownRow(exclusion, MicrosOf(one.span()), action, *to));
    }
  }
}

// By the names of the rows, whose order is settled by now.
void IndexExcluding(const v1::Bundle& from, Bundle* to) {
  base::StringMap<int32_t> rows;
  for (size_t i = 0; i < to->constraints.size(); ++i) {
    rows.emplace(to->constraints[i].id, static_cast<int32_t>(i));
  }
  for (int i = 0; i < from.exclusions_size(); ++i) {
    if (!from.exclusions(i).has_span()) continue;
    const Exclusion& exclusion = to->exclusions[static_cast<size_t>(i)];
    for (const int32_t action : exclusion.actions) {
      for (const int32_t other : exclusion.actions) {
        if (other == action) continue;
        const std::string& id = to->actions[static_cast<size_t>(other)].id;
        to->actions[static_cast<size_t>(action)].excluded_by.push_back(
            rows.find(absl::StrCat(exclusion.id, ":", id))->second);
      }
    }
  }
}

template <typename List>
void Sort(List* list) {
  std::sort(list->begin(), list->end());
}

}  // namespace

void ResolveConstraints(const v1::Bundle& from, Bundle* to) {
  for (const v1::Constraint& row : from.constraints()) {
    to->constraints.push_back(ResolveRow(row, from, *to));
  }
  ResolveExclusions(from, to);
  std::sort(to->constraints.begin(), to->constraints.end(),
            [](const Constraint& a, const Constraint& b) { return a.id < b.id; });
  IndexExcluding(from, to);
  IndexUses(to);
}

void CanonicaliseConstraints(v1::Bundle* bundle) {
  for (v1::Constraint& row : *bundle->mutable_constraints()) {
    for (auto* list : {row.mutable_actions(), row.mutable_creatives(), row.mutable_categories(),
                       row.mutable_surfaces(), row.mutable_segments(), row.mutable_regions(),
                       row.mutable_returned_on()}) {
      Sort(list);
    }
    for (v1::Match& match : *row.mutable_where()) Sort(match.mutable_values());
  }
  for (v1::Exclusion& exclusion : *bundle->mutable_exclusions()) {
    Sort(exclusion.mutable_actions());
    Sort(exclusion.mutable_categories());
  }
  const auto by_id = [](const auto& a, const auto& b) { return a.id() < b.id(); };
  std::sort(bundle->mutable_constraints()->begin(), bundle->mutable_constraints()->end(), by_id);
  std::sort(bundle->mutable_exclusions()->begin(), bundle->mutable_exclusions()->end(), by_id);
}

}  // namespace fulcrum::config
