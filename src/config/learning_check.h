// Whether what a surface says about rewards, exposure and its linear posterior can work.
#pragma once

#include "config/problem.h"
#include "config/yaml_to_proto.h"
#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {

// Of every surface of `bundle`, which is as ValidateBundle wants it. Reads no files.
void CheckLearning(const v1::Bundle& bundle, const Places& places, Problems* problems);

}  // namespace fulcrum::config
