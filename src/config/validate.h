// What the schema alone cannot say about a bundle: unique ids, references that lead somewhere, and
// rules that span fields. Reads no files except the time zone database.
#pragma once

#include "config/problem.h"
#include "config/yaml_to_proto.h"
#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {

// `bundle` is as read and finished; `places` tell where each value stands.
void ValidateBundle(const v1::Bundle& bundle, const Places& places, Problems* problems);

}  // namespace fulcrum::config
