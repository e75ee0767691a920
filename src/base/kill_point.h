// Named places at which a crash test can kill the process, armed by the environment:
//
//   FULCRUM_KILL_POINT=NAME:COUNT            the COUNT-th time that NAME is passed (from 1)
//   FULCRUM_KILL_POINT=NAME:PROBABILITY:SEED each time, with that probability (it holds a '.')
//
// NAME may be `*` for every point; several settings are parted by commas. Unarmed, a point costs a
// load and a branch. A setting that cannot be read stops the process: a crash test that does not
// crash proves nothing. Thread-safe.
#pragma once

#include <string_view>

namespace fulcrum::base {

namespace internal {
bool KillPointsArmed();
void PassKillPoint(std::string_view name);
}  // namespace internal

// SIGKILL to this process if `name` is armed and due.
inline void KillPoint(std::string_view name) {
  static const bool armed = internal::KillPointsArmed();
  if (armed) [[unlikely]]
    internal::PassKillPoint(name);
}

}  // namespace fulcrum::base
