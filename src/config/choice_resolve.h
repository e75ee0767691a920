// How a surface draws, from the bundle as it was read to the bundle as the stages read it.
#pragma once

#include "config/bundle.h"
#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {

// Fills what is about the choice: policy, floor, shares, regions, mode, holdout and shadows. `from`
// is valid, and the actions and their index of `bundle` are there.
void ResolveChoice(const v1::Surface& from, const Bundle& bundle, Surface* to);

// Puts what has no order of its own into one.
void CanonicaliseChoice(v1::Surface* surface);

}  // namespace fulcrum::config
