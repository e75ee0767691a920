#include "tests/architecture/rooms.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "tests/architecture/source_tree.h"

namespace fulcrum::architecture {
namespace {

namespace fs = std::filesystem;

constexpr char kRoomsFile[] = "src/rooms.txt";

// Header prefix -> name in src/rooms.txt. The first match counts.
constexpr std::array<std::pair<std::string_view, std::string_view>, 22> kThirdParties = {{
    {"rocksdb/", "rocksdb"},
    {"grpc/", "grpc"},
    {"grpcpp/", "grpc"},
    {"google/protobuf/", "protobuf"},
    {"yaml-cpp/", "yaml-cpp"},
    {"spdlog/", "spdlog"},
    {"fmt/", "spdlog"},
    {"prometheus/", "prometheus-cpp"},
    {"CLI/", "cli11"},
    {"curl/", "curl"},
    {"rapidjson/", "rapidjson"},
    {"xgboost/", "xgboost"},
    {"openssl/", "openssl"},
    {"Eigen/", "eigen"},
    {"zstd.h", "zstd"},
    {"zlib.h", "zlib"},
    {"hnswlib/", "hnswlib"},
    {"hiredis/", "hiredis"},
    {"librdkafka/", "librdkafka"},
    {"arrow/", "arrow"},
    {"parquet/", "arrow"},
    {"re2/", "re2"},
}};

// Open to every room besides C++'s own headers, which have neither folder nor dot.
constexpr std::array<std::string_view, 6> kOpenPrefixes = {"absl/", "sys/",   "netinet/",
                                                           "arpa/", "linux/", "net/"};
constexpr std::array<std::string_view, 21> kSystemHeaders = {
    "immintrin.h", "cxxabi.h", "dirent.h", "dlfcn.h", "errno.h",   "execinfo.h", "fcntl.h",
    "glob.h",      "malloc.h", "netdb.h",  "poll.h",  "pthread.h", "pwd.h",      "nmmintrin.h",
    "cpuid.h",     "sched.h",  "signal.h", "spawn.h", "termios.h", "time.h",     "unistd.h"};

std::string At(const Include& include) {
  return include.file + ":" + std::to_string(include.line) + ": ";
}
std::string At(const Room& room) {
  return std::string(kRoomsFile) + ":" + std::to_string(room.line) + ": ";
}

bool Contains(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool IsGenerated(std::string_view path) {
  return path.ends_with(".pb.h");
}

std::optional<std::string> ThirdPartyOf(std::string_view path) {
  if (path.ends_with(".grpc.pb.h")) return "grpc";
  if (IsGenerated(path)) return "protobuf";
  for (const auto& [prefix, name] : kThirdParties) {
    if (path.starts_with(prefix)) return std::string(name);
  }
  return std::nullopt;
}

bool IsThirdPartyName(std::string_view name) {
  return std::any_of(kThirdParties.begin(), kThirdParties.end(),
                     [&](const auto& entry) { return entry.second == name; });
}

bool IsOpenToAll(std::string_view path) {
  if (path.find_first_of("/.") == std::string_view::npos) return true;
  if (std::find(kSystemHeaders.begin(), kSystemHeaders.end(), path) != kSystemHeaders.end()) {
    return true;
  }
  return std::any_of(kOpenPrefixes.begin(), kOpenPrefixes.end(),
                     [&](std::string_view prefix) { return path.starts_with(prefix); });
}

// The file that a generated header comes from, below the root.
std::string ProtoOf(std::string_view header) {
  const std::string_view suffix = header.ends_with(".grpc.pb.h") ? ".grpc.pb.h" : ".pb.h";
  return "proto/" + std::string(header.substr(0, header.size() - suffix.size())) + ".proto";
}

std::string FirstFolder(std::string_view path) {
  const size_t slash = path.find('/');
  return slash == std::string_view::npos ? "" : std::string(path.substr(0, slash));
}

// Applies the rules to a tree and remembers which allowances were needed.
class Checker {
 public:
  explicit Checker(const fs::path& root) : root_(root), file_(ReadRoomsFile(root)) {}

  std::vector<std::string> Run() {
    findings_ = file_.findings;
    for (const Room& room : file_.rooms) by_name_.emplace(room.name, &room);
    CheckNames();
    CheckFolders();
    CheckCycles();
    for (const Include& include : ReadIncludes(root_, "src")) CheckSource(include);
    for (const Include& include : ReadIncludes(root_, "include")) CheckPublic(include);
    CheckUnused();
    return findings_;
  }

 private:
  void CheckNames() {
    for (const Room& room : file_.rooms) {
      for (const std::string& use : room.uses) {
        if (use == "base" || use == room.name) {
          findings_.push_back(At(room) + room.name + " may include " + use +
                              " anyway: do not list it.");
        } else if (use != "*" && !by_name_.contains(use)) {
          findings_.push_back(At(room) + room.name + " names the room " + use +
                              ", which has no line.");
        }
      }
      for (const std::string& third_party : room.third_parties) {
        if (!IsThirdPartyName(third_party)) {
          findings_.push_back(At(room) + third_party +
                              " is no third party known to tests/architecture/rooms.cc.");
        }
      }
    }
  }

  void CheckFolders() {
    for (const std::string& folder : Folders(root_, "src")) {
      if (!by_name_.contains(folder)) {
        findings_.push_back("src/" + folder + ":1: the folder " + folder + " has no line in " +
                            kRoomsFile + ".");
      }
      for (const std::string& inner : Folders(root_, "src/" + folder)) {
        findings_.push_back("src/" + folder + "/" + inner + ":1: rooms are flat, " + folder +
                            " may not have the folder " + inner + ".");
      }
    }
    for (const Room& room : file_.rooms) {
      if (SourceFiles(root_, "src/" + room.name).empty()) {
        findings_.push_back(At(room) + "the room " + room.name + " has no source in src/" +
                            room.name + ".");
      }
    }
  }

  void CheckCycles() {
    std::map<std::string, int> state;  // 1 = being visited, 2 = done
    std::vector<std::string> path;
    const std::function<void(const Room&)> visit = [&](const Room& room) {
      state[room.name] = 1;
      path.push_back(room.name);
      for (const std::string& use : room.uses) {
        const auto next = by_name_.find(use);
        if (next == by_name_.end()) continue;
        if (state[use] == 1) {
          std::string cycle;
          const auto from = std::find(path.begin(), path.end(), use);
          for (auto it = from; it != path.end(); ++it) cycle += *it + " -> ";
          findings_.push_back(At(room) + "rooms may not form a cycle: " + cycle + use + ".");
        } else if (state[use] == 0) {
          visit(*next->second);
        }
      }
      path.pop_back();
      state[room.name] = 2;
    };
    for (const Room& room : file_.rooms) {
      if (state[room.name] == 0) visit(room);
    }
  }

  void CheckSource(const Include& include) {
    const std::string from = FirstFolder(std::string_view(include.file).substr(4));
    const auto room = by_name_.find(from);
    if (room == by_name_.end()) return;  // reported as a folder without a line
    if (const auto third_party = ThirdPartyOf(include.path)) {
      CheckThirdParty(*room->second, *third_party, include);
      return;
    }
    const std::string to = FirstFolder(include.path);
    if (to == "fulcrum") {
      CheckResolves(include, "include/" + include.path);
    } else if (by_name_.contains(to)) {
      CheckRoom(*room->second, to, include);
      CheckResolves(include, "src/" + include.path);
    } else if (!IsOpenToAll(include.path)) {
      findings_.push_back(At(include) + "\"" + include.path + "\" is " +
                          (include.quoted
                               ? "neither a room's header nor a public one."
                               : "a third party that tests/architecture/rooms.cc does not know."));
    } else if (include.quoted && !include.path.starts_with("absl/")) {
      findings_.push_back(At(include) + "\"" + include.path + "\" does not resolve.");
    }
  }

  void CheckThirdParty(const Room& room, const std::string& name, const Include& include) {
    if (IsGenerated(include.path) && include.path.starts_with("fulcrum/")) {
      CheckResolves(include, ProtoOf(include.path));
    }
    if (Contains(room.third_parties, name)) {
      used_.emplace(room.name, name);
      return;
    }
    findings_.push_back(At(include) + room.name + " may not see " + name + "; see " + kRoomsFile +
                        ".");
  }

  void CheckRoom(const Room& room, const std::string& to, const Include& include) {
    if (to == room.name || to == "base") return;
    if (to == "apps") {
      findings_.push_back(At(include) + "nothing may include apps.");
    } else if (Contains(room.uses, to)) {
      used_.emplace(room.name, to);
    } else if (Contains(room.uses, "*")) {
      used_.emplace(room.name, "*");
    } else {
      findings_.push_back(At(include) + room.name + " may not include " + to + "; see " +
                          kRoomsFile + ".");
    }
  }

  void CheckResolves(const Include& include, const std::string& path) {
    if (!fs::is_regular_file(root_ / path)) {
      findings_.push_back(At(include) + "\"" + include.path + "\" does not resolve: there is no " +
                          path + ".");
    }
  }

  void CheckPublic(const Include& include) {
    const std::string_view path = include.path;
    if (IsGenerated(path)) {
      findings_.push_back(At(include) + "a public header may not include generated code.");
    } else if (path.starts_with("fulcrum/")) {
      CheckResolves(include, "include/" + include.path);
    } else if (by_name_.contains(FirstFolder(path))) {
      findings_.push_back(At(include) + "a public header may not include src/" + include.path +
                          ".");
    } else if (!path.starts_with("absl/") && path.find_first_of("/.") != std::string_view::npos) {
      findings_.push_back(At(include) + "a public header sees the standard library, Abseil and " +
                          "fulcrum/ only, not \"" + include.path + "\".");
    }
  }

  void CheckUnused() {
    for (const Room& room : file_.rooms) {
      std::vector<std::string> allowances = room.uses;
      allowances.insert(allowances.end(), room.third_parties.begin(), room.third_parties.end());
      for (const std::string& allowance : allowances) {
        if (used_.contains({room.name, allowance})) continue;
        findings_.push_back(At(room) + room.name + " is allowed " + allowance +
                            " and does not use it: take it out.");
      }
    }
  }

  const fs::path root_;
  const RoomsFile file_;
  std::map<std::string, const Room*> by_name_;
  std::set<std::pair<std::string, std::string>> used_;
  std::vector<std::string> findings_;
};

}  // namespace

RoomsFile ReadRoomsFile(const fs::path& root) {
  RoomsFile file;
  const auto lines = ReadLines(root / kRoomsFile);
  if (lines.empty()) file.findings.push_back(std::string(kRoomsFile) + ":1: missing or empty.");
  std::set<std::string> seen;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (line.empty() || line.front() == '#') continue;
    const size_t colon = line.find(':');
    const size_t bar = line.find('|');
    Room room;
    room.line = static_cast<int>(i) + 1;
    if (colon == std::string::npos || bar == std::string::npos || bar < colon) {
      file.findings.push_back(At(room) + "expected `room: rooms | third parties`.");
      continue;
    }
    room.name = line.substr(0, colon);
    room.uses = Words(line.substr(colon + 1, bar - colon - 1));
    room.third_parties = Words(line.substr(bar + 1));
    if (!seen.insert(room.name).second) {
      file.findings.push_back(At(room) + "the room " + room.name + " has two lines.");
      continue;
    }
    file.rooms.push_back(std::move(room));
  }
  return file;
}

std::vector<std::string> CheckRooms(const fs::path& root) {
  return Checker(root).Run();
}

std::vector<std::string> CheckReadme(const fs::path& root) {
  const RoomsFile file = ReadRoomsFile(root);
  std::vector<std::string> findings = file.findings;
  const std::string readme = "src/README.md";
  std::vector<std::string> named;
  const auto lines = ReadLines(root / readme);
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (!line.starts_with("## `") || !line.ends_with("`")) continue;
    named.push_back(line.substr(4, line.size() - 5));
    const size_t at = named.size() - 1;
    const std::string expected =
        at < file.rooms.size() ? "`" + file.rooms[at].name + "`" : std::string("no further room");
    if (expected != "`" + named[at] + "`") {
      findings.push_back(readme + ":" + std::to_string(i + 1) + ": expected " + expected +
                         " here, as in " + kRoomsFile + ", not `" + named[at] + "`.");
      return findings;
    }
  }
  for (size_t i = named.size(); i < file.rooms.size(); ++i) {
    findings.push_back(readme + ":" + std::to_string(lines.size()) + ": the room `" +
                       file.rooms[i].name + "` is not described.");
  }
  return findings;
}

}  // namespace fulcrum::architecture
