#include "config/time_zone.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/strings.h"

namespace fulcrum::config {
namespace {

// The part of a zone name that cannot lead outside the zone database, or to what differs between
// machines.
bool IsZoneName(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '+' || c == '/';
  };
  return !name.empty() && name.size() <= 64 && name.front() != '/' && name != "localtime" &&
         std::all_of(name.begin(), name.end(), allowed);
}

}  // namespace

std::string ProblemOfZone(std::string_view name) {
  absl::TimeZone zone;
  if (IsZoneName(name) && absl::LoadTimeZone(base::ToAbsl(name), &zone)) return "";
  return absl::StrCat("there is no time zone '", base::ToAbsl(name.substr(0, 80)),
                      "'; use an IANA name such as Asia/Tokyo or UTC");
}

}  // namespace fulcrum::config
