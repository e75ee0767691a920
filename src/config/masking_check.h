// Whether the masking rules of a bundle can do what they say, and leave alone what must stay.
#pragma once

#include "config/problem.h"
#include "config/yaml_to_proto.h"
#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {

// Of `bundle.log.masking`. Reads no files: the salt is read by who masks (masking/masker.h).
void CheckMasking(const v1::Bundle& bundle, const Places& places, Problems* problems);

}  // namespace fulcrum::config
