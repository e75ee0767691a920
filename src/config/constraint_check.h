// Whether constraints and exclusions fit together with what they name.
#pragma once

#include "config/problem.h"
#include "config/yaml_to_proto.h"
#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {

// Rows, exclusions, and the quiet hours, attributes and variants that they are about.
void CheckConstraints(const v1::Bundle& bundle, const Places& places, Problems* problems);

// Whether `row` counts the action, by what the bundle says of both.
bool Counts(const v1::Constraint& row, const v1::Campaign& campaign, const v1::Action& action);

// Whether `exclusion` lists the action.
bool Lists(const v1::Exclusion& exclusion, const v1::Action& action);

// Minutes from midnight of a time such as `22:00`; -1 if it is none.
int MinuteOf(std::string_view time);

}  // namespace fulcrum::config
